<?php

return [
    // whsec_..., as in the destination's `secrets`; several, with spaces between, while a secret is changed.
    'secrets' => preg_split('/\s+/', (string) env('HEARBACK_WEBHOOK_SECRETS'), -1, PREG_SPLIT_NO_EMPTY),
];
