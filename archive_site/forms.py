from hashlib import sha256
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ndd_app.forms import DublinCoreForm
from ndd_app.models import Photo

NAMES = DublinCoreForm.Meta.fields


class RecordForm(DublinCoreForm):
    """The description of a record. It is not saved over what somebody else wrote after the form was opened."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        values = [getattr(self.instance, name) for name in NAMES]
        self.present = self.initial["seen"] = sha256(repr(values).encode()).hexdigest()
        self.is_outdated = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("seen") != self.present:
            self.is_outdated = True
            self.data = {**self.data.dict(), "seen": self.present}  # whoever saves again has looked at it
            raise forms.ValidationError(
                _("Someone else changed this record meanwhile. Compare where it says so, then save again.")
            )
        return cleaned

    def save(self, commit: bool = True) -> Photo:
        """Only what was changed here is written."""
        if commit and (changed := [name for name in self.changed_data if name in NAMES]):
            self.instance.save(update_fields=changed)
        return self.instance
