from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    operations = [
        migrations.CreateModel(
            name="HandledEvent",
            fields=[
                ("event_id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("handled_at", models.DateTimeField(auto_now_add=True, db_index=True)),
            ],
        ),
    ]
