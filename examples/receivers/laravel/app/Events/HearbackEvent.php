<?php

namespace App\Events;

use Illuminate\Foundation\Events\Dispatchable;

/**
 * Something happened to a message, or to what Hearback watches.
 *
 *     Event::listen(function (HearbackEvent $event) {
 *         if ($event->is('message.bounced')) {
 *             Guest::where('email', $event->data['recipient'])->update(['mail_bounced' => true]);
 *         }
 *     });
 *
 * A listener that is queued (ShouldQueue) should have `public $afterCommit = true`.
 */
class HearbackEvent
{
    use Dispatchable;

    /** @param array $data the event as GET /v1/events gives it */
    public function __construct(public readonly array $data)
    {
    }

    public function is(string ...$types): bool
    {
        return in_array($this->data['type'], $types, true);
    }
}
