<?php

namespace App\Http\Controllers;

use App\Events\HearbackEvent;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\DB;

/** Tells listeners of each event once. What one of them throws is answered 500, and Hearback tries again. */
class HearbackController
{
    public function __invoke(Request $request)
    {
        // Not $request->input(): TrimStrings and ConvertEmptyStringsToNull have been at that.
        $pushed = json_decode($request->getContent(), true, 512, JSON_THROW_ON_ERROR);
        // A list where the destination has `batch`.
        foreach (array_is_list($pushed) ? $pushed : [$pushed] as $message) {
            $this->handleOnce($message['data']);
        }

        return response()->noContent();
    }

    private function handleOnce(array $event): void
    {
        // In one transaction with what the listeners write: both are kept, or neither.
        DB::transaction(function () use ($event) {
            $row = ['event_id' => $event['id'], 'handled_at' => now()];
            if (DB::table('hearback_handled_events')->insertOrIgnore($row) === 1) {
                HearbackEvent::dispatch($event);
            }
        });
    }
}
