<?php

use App\Http\Controllers\HearbackController;
use App\Http\Middleware\VerifyHearback;
use Illuminate\Support\Facades\Route;

// In no group: neither the session nor the CSRF token of `web` belongs here.
Route::post('/hooks/hearback', HearbackController::class)->middleware(VerifyHearback::class)->name('hearback');
