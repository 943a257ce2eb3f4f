from django.db import models


class HandledEvent(models.Model):
    """An event that was handled, so that it is not handled again. Rows older than some weeks may be deleted."""

    event_id = models.CharField(max_length=64, primary_key=True)
    handled_at = models.DateTimeField(auto_now_add=True, db_index=True)
