from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize

from ndd_app.exceptions import NddError
from ndd_app.extras import require_vision
from ndd_app.models import Encoder


class Command(BaseCommand):
    help = "Fit the site encoders anew on a sample of the whole archive. Embed and match the collections afterwards."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            require_vision()
        except NddError as error:
            raise CommandError(str(error)) from error
        from ndd_app.management.bars import bar
        from ndd_app.pipeline.encoders import UNUSABLE, fit_site_encoder
        from ndd_app.pipeline.serving import serve

        fitted = []
        for family in Encoder.Family.values:
            try:
                encoder = fit_site_encoder(family, bar)
            except UNUSABLE as reason:
                self.stderr.write(self.style.WARNING(f"The {family} encoder stays as it is. {reason}"))
                continue
            except NddError as error:
                raise CommandError(str(error)) from error
            serve(encoder)
            fitted.append(encoder)
            count = encoder.photo_count
            self.stdout.write(f"Serving from now on: {encoder}, fitted on {count} photo{pluralize(count)}")
        if not fitted:
            raise CommandError("No site encoder was fitted; what served goes on serving.")
