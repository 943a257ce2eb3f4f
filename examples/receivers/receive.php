<?php
// A receiver of Hearback's webhooks for PHP 8, without any package.
//
//     WEBHOOK_SECRET=whsec_... php -S 127.0.0.1:9000 receive.php
//
// In Laravel, call `verify` in a controller with `$request->getContent()`, outside of the CSRF middleware.

declare(strict_types=1);

const TOLERANCE_SECONDS = 5 * 60;

/** The request's JSON, if one of the secrets signed it just now; null otherwise. */
function verify(array $secrets, string $id, string $timestamp, string $signatures, string $body, int $now): ?array
{
    if (!ctype_digit($timestamp) || abs($now - (int) $timestamp) > TOLERANCE_SECONDS) {
        return null;
    }
    foreach ($secrets as $secret) {
        $key = base64_decode(preg_replace('/^whsec_/', '', $secret), true);
        $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
        foreach (explode(' ', $signatures) as $given) {
            if (hash_equals($expected, $given)) {
                return json_decode($body, true, flags: JSON_THROW_ON_ERROR);
            }
        }
    }
    return null;
}

/** Handles an event once. In an application: a table with a unique key, written in the event's own transaction. */
function handle(string $id, string $kind, array $event): void
{
    $once = sys_get_temp_dir() . '/hearback-' . getmypid() . '-' . $id;
    if (file_exists($once)) {
        return;
    }
    $reason = $event['failure']['reason'] ?? '';
    fwrite(fopen('php://stderr', 'w'), "handled $kind {$event['id']} {$event['recipient']} $reason\n");
    touch($once);
}

$id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
$message = verify(
    explode(' ', (string) getenv('WEBHOOK_SECRET')),
    $id,
    $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '',
    $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '',
    (string) file_get_contents('php://input'),
    time(),
);
if ($message === null) {
    http_response_code(401);
    echo 'signed with no secret of ours, or too long ago';
    return;
}
handle($id, $message['type'], $message['data']);
http_response_code(204);
