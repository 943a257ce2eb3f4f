<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

return new class extends Migration
{
    public function up(): void
    {
        // Rows older than some weeks may be deleted.
        Schema::create('hearback_handled_events', function (Blueprint $table) {
            $table->string('event_id', 64)->primary();
            $table->timestamp('handled_at')->index();
        });
    }

    public function down(): void
    {
        Schema::dropIfExists('hearback_handled_events');
    }
};
