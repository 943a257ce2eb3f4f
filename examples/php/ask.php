#!/usr/bin/env php
<?php
// Registers a message, waits for its outcome, and asks what is known of it:
// ask.php PROVIDER_MESSAGE_ID RECIPIENT KEY=VALUE, with HEARBACK_URL and HEARBACK_TOKEN.

declare(strict_types=1);

/** Asks a question; with a body, tells something. */
function ask(string $path, array $query = [], ?array $body = null): array
{
    $context = stream_context_create(['http' => [
        'method' => $body === null ? 'GET' : 'POST',
        'header' => ['Authorization: Bearer ' . getenv('HEARBACK_TOKEN'), 'Content-Type: application/json'],
        'content' => $body === null ? '' : json_encode($body, JSON_THROW_ON_ERROR),
        'ignore_errors' => true, // read the body of errors too
        'timeout' => 60,
    ]]);
    $url = getenv('HEARBACK_URL') . $path . '?' . http_build_query($query);
    $body = file_get_contents($url, false, $context);
    if ($body === false) {
        throw new RuntimeException('Hearback is not there');
    }
    $answer = json_decode($body, true, 512, JSON_THROW_ON_ERROR);
    if (!str_contains($http_response_header[0], ' 20')) {
        throw new RuntimeException("{$answer['status']} {$answer['detail']}");
    }
    return $answer;
}

/** Waits for the event that says how it ended. */
function outcome(string $messageId): array
{
    $query = ['message' => $messageId, 'type' => 'delivered,bounced,rejected,failed', 'wait' => 30];
    do {
        $page = ask('/v1/events', $query);
        $query['after'] = $page['next_cursor'];
    } while ($page['data'] === []);
    return $page['data'][0];
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

function main(string $providerMessageId, string $recipient, string $label): void
{
    [$key, $value] = explode('=', $label, 2);
    $id = ask('/v1/messages', [], [
        'source' => 'mailgun',
        'provider_message_id' => $providerMessageId,
        'recipient' => $recipient,
        'labels' => [$key => $value],
        'expect_delivered_within' => 900,
    ])['id'];
    echo "registered $id\n";

    $event = outcome($id);
    echo "outcome {$event['type']} {$event['recipient']} ", $event['failure']['reason'] ?? '-', "\n";

    $message = ask("/v1/messages/$id");
    $decided = array_column($message['explanation'], 'type', 'decided')[true];
    echo "message {$message['id']} {$message['status']} because of $decided\n";

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
