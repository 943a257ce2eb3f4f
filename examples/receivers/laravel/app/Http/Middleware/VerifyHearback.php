<?php

namespace App\Http\Middleware;

use Closure;
use Illuminate\Http\Request;
use RuntimeException;

/** Lets through what was signed with one of our secrets just now, by the rules of Standard Webhooks. */
class VerifyHearback
{
    private const TOLERANCE_SECONDS = 5 * 60;

    public function handle(Request $request, Closure $next)
    {
        return $this->isGenuine($request) ? $next($request) : response('signed with no secret of ours, or too long ago', 401);
    }

    private function isGenuine(Request $request): bool
    {
        $id = (string) $request->header('webhook-id');
        $timestamp = (string) $request->header('webhook-timestamp');
        if ($id === '' || ! ctype_digit($timestamp) || abs(time() - (int) $timestamp) > self::TOLERANCE_SECONDS) {
            return false;
        }
        $given = explode(' ', (string) $request->header('webhook-signature'));
        foreach ($this->keys() as $key) {
            // The signature covers the bytes as they came, not what other middleware made of them.
            $signature = hash_hmac('sha256', "$id.$timestamp.{$request->getContent()}", $key, true);
            foreach ($given as $one) {
                if (hash_equals('v1,'.base64_encode($signature), $one)) {
                    return true;
                }
            }
        }

        return false;
    }

    /** @return string[] */
    private function keys(): array
    {
        $keys = array_map(
            fn (string $secret) => (string) base64_decode(preg_replace('/^whsec_/', '', $secret), true),
            config('hearback.secrets'),
        );
        // With an empty key everybody could sign.
        if ($keys === [] || min(array_map('strlen', $keys)) < 24) {
            throw new RuntimeException('HEARBACK_WEBHOOK_SECRETS must be whsec_ and Base64');
        }

        return $keys;
    }
}
