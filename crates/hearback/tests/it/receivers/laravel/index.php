<?php
// A Laravel application around the example, as small as one can be: the router script of `php -S`. It runs in a folder where the
// example's files lie as they would in any application.

use App\Events\HearbackEvent;
use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Contracts\Http\Kernel as HttpKernel;
use Illuminate\Foundation\Application;
use Illuminate\Foundation\Http\Kernel;
use Illuminate\Foundation\Http\Middleware\ConvertEmptyStringsToNull;
use Illuminate\Foundation\Http\Middleware\TrimStrings;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Event;
use Illuminate\Support\Facades\Schema;
use Illuminate\Support\ServiceProvider;

require getenv('LARAVEL_AUTOLOAD');
spl_autoload_register(function (string $class) {
    if (str_starts_with($class, 'App\\')) {
        require __DIR__.'/app/'.strtr(substr($class, 4), '\\', '/').'.php';
    }
});

/** What every new application has around all routes. */
class AppKernel extends Kernel
{
    protected $middleware = [TrimStrings::class, ConvertEmptyStringsToNull::class];
}

class AppServiceProvider extends ServiceProvider
{
    public function boot()
    {
        $this->loadRoutesFrom(base_path('routes/hearback.php'));
        if (! Schema::hasTable('hearback_handled_events')) {
            foreach (glob(database_path('migrations/*.php')) as $migration) {
                (require $migration)->up();
            }
        }
        Event::listen(function (HearbackEvent $event) {
            $id = $event->data['id'];
            $marker = base_path("failed-$id");
            if ($event->data['recipient'] === 'fails-once@example.com' && ! file_exists($marker)) {
                touch($marker);
                throw new RuntimeException('the database is away');
            }
            $labels = json_encode($event->data['labels']);
            $what = $event->is('message.bounced', 'message.rejected') ? 'not-delivered' : 'other';
            file_put_contents('php://stderr', "handled {$event->data['type']} $id {$event->data['recipient']} $what $labels\n");
        });
    }
}

$app = new Application(__DIR__);
$app->singleton(HttpKernel::class, AppKernel::class);
$app->singleton(ExceptionHandler::class, Illuminate\Foundation\Exceptions\Handler::class);
$kernel = $app->make(HttpKernel::class);
$kernel->handle(Request::capture())->send();
