<?php
// A receiver of Hearback's webhooks for PHP 8, without any package.
//
//     WEBHOOK_SECRET=whsec_... php -S 127.0.0.1:9000 receive.php
//
// For Laravel there is laravel/.

declare(strict_types=1);

const TOLERANCE_SECONDS = 5 * 60;

/** The keys in `whsec_... whsec_...`: several while a secret is changed. */
function keys_of(string $secrets): array
{
    $keys = array_map(
        fn (string $secret) => (string) base64_decode(preg_replace('/^whsec_/', '', $secret), true),
        preg_split('/\s+/', $secrets, -1, PREG_SPLIT_NO_EMPTY),
    );
    // With an empty key everybody could sign.
    if ($keys === [] || min(array_map('strlen', $keys)) < 24) {
        throw new RuntimeException('WEBHOOK_SECRET must be whsec_ and Base64');
    }
    return $keys;
}

/** The request's JSON, if one of the keys signed it just now; null otherwise. */
function verify(array $keys, string $id, string $timestamp, string $signatures, string $body, int $now): ?array
{
    if ($id === '' || !ctype_digit($timestamp) || abs($now - (int) $timestamp) > TOLERANCE_SECONDS) {
        return null;
    }
    foreach ($keys as $key) {
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
    $seen = sys_get_temp_dir() . '/hearback-seen';
    is_dir($seen) || mkdir($seen);
    $once = $seen . '/' . hash('sha256', $id);
    if (file_exists($once)) {
        return;
    }
    $reason = $event['failure']['reason'] ?? '';
    fwrite(fopen('php://stderr', 'w'), "handled $kind {$event['id']} {$event['recipient']} $reason\n");
    touch($once);
}

try {
    $keys = keys_of((string) getenv('WEBHOOK_SECRET'));
} catch (RuntimeException $problem) {
    http_response_code(500);
    error_log($problem->getMessage());
    return;
}
$id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
$message = verify(
    $keys,
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
