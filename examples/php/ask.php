#!/usr/bin/env php
<?php
// Asks Hearback: ask.php MESSAGE KEY=VALUE, with HEARBACK_URL and HEARBACK_TOKEN.

declare(strict_types=1);

function ask(string $path, array $query = []): array
{
    $context = stream_context_create(['http' => [
        'header' => 'Authorization: Bearer ' . getenv('HEARBACK_TOKEN'),
        'ignore_errors' => true, // read the body of errors too
        'timeout' => 30,
    ]]);
    $url = getenv('HEARBACK_URL') . $path . '?' . http_build_query($query);
    $body = file_get_contents($url, false, $context);
    if ($body === false) {
        throw new RuntimeException('Hearback is not there');
    }
    $answer = json_decode($body, true, 512, JSON_THROW_ON_ERROR);
    if (!str_contains($http_response_header[0], ' 200 ')) {
        throw new RuntimeException("{$answer['status']} {$answer['detail']}");
    }
    return $answer;
}

/** Every event with a label, page by page. */
function timeline(string $key, string $value): Generator
{
    $query = ['limit' => 3];
    do {
        $page = ask('/v1/timelines/' . rawurlencode($key) . '/' . rawurlencode($value), $query);
        yield from $page['data'];
        $query['cursor'] = $page['next_cursor'];
    } while ($page['next_cursor'] !== null);
}

function main(string $messageId, string $label): void
{
    foreach (ask('/v1/events', ['type' => 'bounced', 'limit' => 5])['data'] as $event) {
        echo "event {$event['id']} {$event['type']} {$event['recipient']} {$event['failure']['reason']}\n";
    }

    $message = ask("/v1/messages/$messageId");
    $decided = array_column($message['explanation'], 'type', 'decided')[true];
    echo "message {$message['id']} {$message['status']} because of $decided\n";

    [$key, $value] = explode('=', $label, 2);
    foreach (timeline($key, $value) as $event) {
        echo "timeline $label {$event['type']} {$event['recipient']}\n";
    }
}

try {
    main(...array_slice($argv, 1));
} catch (RuntimeException $problem) {
    fwrite(STDERR, $problem->getMessage() . "\n");
    exit(1);
}
