<?php
// A bot that uses PHP's curl. Told what to call in its environment; prints what it saw.

function ask(string $url, array $options = []): array
{
    $headers = [];
    $curl = curl_init($url);
    curl_setopt_array($curl, $options + [
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 10,
        CURLOPT_HEADERFUNCTION => function ($curl, string $line) use (&$headers): int {
            [$name, $value] = array_map('trim', explode(':', $line, 2)) + ['', ''];
            $headers[strtolower($name)] = $value;
            return strlen($line);
        },
    ]);
    $body = curl_exec($curl);
    if ($body === false) {
        fwrite(STDERR, curl_error($curl));
        exit(1);
    }
    return [curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $headers, $body];
}

function answer(array $asked): array
{
    [$status, $headers, $body] = $asked;
    return ['status' => $status, 'decision' => $headers['x-weir-decision'] ?? null, 'body' => json_decode($body)];
}

$good = answer(ask(getenv('GOOD')));
$signed = answer(ask(getenv('SIGNED'), [
    CURLOPT_POSTFIELDS => getenv('BODY'),
    CURLOPT_HTTPHEADER => ['API-Key: ' . getenv('API_KEY'), 'API-Sign: ' . getenv('API_SIGN')],
]));
[$status, $headers] = ask(getenv('REFUSED'));
$refused = [
    'error' => '',
    'status' => $status,
    'code' => $headers['x-weir-error'] ?? null,
    'retryAfter' => $headers['retry-after'] ?? null,
];
echo json_encode(['good' => $good, 'signed' => $signed, 'refused' => $refused]), "\n";
