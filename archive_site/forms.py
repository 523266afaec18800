from hashlib import sha256
from typing import Any

from django import forms
from django.contrib.postgres.forms import SimpleArrayField
from django.utils.translation import gettext_lazy as _

from ndd_app.models import Photo

NAMES = ["identifier", *Photo.DESCRIPTION_FIELDS]


def _lines(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class RecordForm(forms.ModelForm):
    """The description of a record. It is not saved over what somebody else wrote after the form was opened."""

    subjects = SimpleArrayField(
        forms.CharField(max_length=300), delimiter="\n", required=False, widget=_lines(4), help_text=_("One a line.")
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Photo
        fields = NAMES
        widgets = {"description": _lines(6), "rights": _lines(2), "source": _lines(2), "notes": _lines(3)}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.present = sha256(repr([getattr(self.instance, name) for name in NAMES]).encode()).hexdigest()
        self.initial["seen"] = self.present
        self.is_outdated = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("seen") != self.present:
            self.is_outdated = True
            self.data = self.data.copy()
            self.data["seen"] = self.present  # saving again means having looked at it
            raise forms.ValidationError(
                _("Someone else changed this record meanwhile. Where it says so, compare, then save again.")
            )
        return cleaned

    def save(self, commit: bool = True) -> Photo:
        changed = [name for name in self.changed_data if name in NAMES]
        if commit and changed:
            self.instance.save(update_fields=changed)
        return self.instance
