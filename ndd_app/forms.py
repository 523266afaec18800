import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ndd_app.models import Collection, MetadataCopy, Photo, Verdict
from ndd_app.pipeline.comparison import Agreement, FieldComparison, compare_descriptions, fields_to_gain
from ndd_app.pipeline.pairs import count_at_chance
from ndd_app.text import with_line_feeds

Mode = MetadataCopy.Mode
CHANCES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)


class VerdictForm(forms.Form):
    answer = forms.ChoiceField(choices=Verdict.Answer.choices)
    note = forms.CharField(required=False, max_length=2000)


class CollectionForm(forms.ModelForm):
    """The chance from which pairs are shown is chosen by what each choice would show."""

    show_from = forms.TypedChoiceField(
        label=_("Show pairs from a chance of"),
        coerce=float,
        help_text=_(
            "How likely a pair must be to show one image, or two exposures of one scene. Pairs that people have"
            " confirmed are shown in any case. A lower chance shows more duplicates, and more pairs that are none."
        ),
    )

    class Meta:
        model = Collection
        fields = ("title", "slug", "note", "is_public", "show_from", "announces_matches", "contact")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chances = {*CHANCES, self.instance.show_from}
        choices = [(chance, _in_words(self.instance, chance)) for chance in sorted(chances)]
        self.fields["show_from"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if values.get("announces_matches") and not values.get("contact"):
            self.add_error("contact", _("Say whom people can ask, or announce nothing."))
        return values


def _in_words(collection: Collection, chance: float) -> str:
    words = f"{100 * chance:.4g} %"
    if collection.matched_at is None:
        return words
    pairs, false = count_at_chance(collection, chance)
    expected = ngettext(
        "{pairs} pair within the collection, about {false} of them false",
        "{pairs} pairs within the collection, about {false} of them false",
        pairs,
    ).format(pairs=pairs, false=f"{false:.1f}")
    return f"{words}: {expected}"


# --- copying: one entry `mode_<field>` for each field that is to be copied ------------------------------------------


@dataclass(frozen=True)
class FieldChoice:
    """What can be done to one field of the target (`comparison.one`); no options where both records agree."""

    comparison: FieldComparison
    options: list[tuple[str, str]]
    chosen: str


def chosen_modes(data: Mapping[str, str]) -> dict[str, Mode]:
    """Fields without an entry, or with one that is no mode, are left alone."""
    modes: dict[str, Mode] = {}
    for key, value in data.items():
        if key.startswith("mode_"):
            with suppress(ValueError):
                modes[key.removeprefix("mode_")] = Mode(value)
    return modes


def proposed_modes(source: Photo, target: Photo) -> dict[str, Mode]:
    """Fill what the target lacks, touch nothing else."""
    return {field.name: Mode.FILL for field in fields_to_gain(target, source)}


def field_choices(source: Photo, target: Photo, modes: Mapping[str, Mode]) -> list[FieldChoice]:
    """The fields that the source can give, with what may be done to each."""
    comparisons = [c for c in compare_descriptions(target, source) if c.other]
    choices = [(c, _options(c), modes.get(c.field.name, "")) for c in comparisons]
    return [FieldChoice(c, options, mode if mode in dict(options) else "") for c, options, mode in choices]


def _options(comparison: FieldComparison) -> list[tuple[str, str]]:
    if comparison.agreement == Agreement.SAME:
        return []
    if comparison.agreement == Agreement.ONLY_OTHER:
        return [("", gettext("Leave absent")), (Mode.FILL, gettext("Fill"))]
    append = [(Mode.APPEND, gettext("Append"))] if comparison.field.can_append else []
    return [("", gettext("Keep")), (Mode.REPLACE, gettext("Replace")), *append]


# --- entering ---------------------------------------------------------------------------------------------------------


def _lines(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class LinesField(forms.Field):
    """A list, one entry a line: a comma may be part of an entry. Empty lines are no entries."""

    widget = _lines(4)

    def to_python(self, value: Any) -> list[str]:
        text = str(value or "").replace("\0", "")  # which PostgreSQL cannot store
        return [line for part in text.splitlines() if (line := part.strip())]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.to_python(data) != (initial or [])


class LongTextField(forms.CharField):
    """Keeps the line ends that are stored: a browser sends others, and a text that nobody touched is no change."""

    def to_python(self, value: Any) -> str:
        return with_line_feeds(super().to_python(value) or "")


class DublinCoreForm(forms.ModelForm):
    """The description that Photo has of its own. It is not saved over what somebody else wrote since it was opened."""

    subjects = LinesField(required=False, help_text=_("One a line."))
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Photo
        fields = ["identifier", *Photo.DESCRIPTION_FIELDS]
        widgets = {"description": _lines(6), "rights": _lines(2), "source": _lines(2), "notes": _lines(3)}
        field_classes = dict.fromkeys(widgets, LongTextField)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        values = [getattr(self.instance, name) for name in DublinCoreForm.Meta.fields]
        self.present = self.initial["seen"] = sha256(repr(values).encode()).hexdigest()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("seen") != self.present:
            self.data = dict(self.data.items()) | {"seen": self.present}  # whoever saves again has looked at it
            for name in self._changed_fields():
                now = self.initial[name]
                words = " · ".join(now) if isinstance(now, list) else now
                self.add_error(name, _("In the record now: {value}").format(value=words or "–"))
            raise forms.ValidationError(
                _("Someone else changed this record meanwhile. Compare where it says so, then save again.")
            )
        return cleaned

    def save(self, commit: bool = True) -> Photo:
        """Only what was changed here is written."""
        photo: Photo = super().save(commit=False)
        if commit and (changed := self._changed_fields()):
            photo.save(update_fields=changed)
        return photo

    def _changed_fields(self) -> list[str]:
        return [name for name in self.changed_data if name != "seen" and name in (self._meta.fields or ())]

    def clean_identifier(self) -> str:
        identifier = self.cleaned_data["identifier"]
        others = Photo.objects.filter(collection=self.instance.collection_id).exclude(pk=self.instance.pk)
        if identifier and (holder := others.filter(identifier=identifier).first()):
            raise forms.ValidationError(_("This identifier already belongs to %(holder)s."), params={"holder": holder})
        return identifier


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("ZIP file"),
        help_text=_("Scans in any folders, and a manifest (CSV) with their descriptions if there is one."),
        widget=forms.FileInput(attrs={"accept": ".zip"}),
    )

    def clean_file(self) -> UploadedFile:
        file = self.cleaned_data["file"]
        if not zipfile.is_zipfile(file):
            raise forms.ValidationError(_("This is no ZIP file. Pack the scans into one and upload it again."))
        file.seek(0)
        return file
