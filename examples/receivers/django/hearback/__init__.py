"""A Django application that takes what Hearback pushes, and sends it on as signals.

    # settings.py
    INSTALLED_APPS = [..., "hearback"]
    HEARBACK_WEBHOOK_SECRETS = os.environ["HEARBACK_WEBHOOK_SECRETS"].split()

    # urls.py
    path("hooks/hearback", include("hearback.urls")),

Then `manage.py migrate`. What the signals carry stands in signals.py.
"""
