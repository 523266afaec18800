import subprocess
import sys

CODE = """
import os, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "archive_site.settings"
django.setup()
from django.urls import get_resolver
get_resolver().url_patterns
from django.contrib import admin
admin.autodiscover()
import archive_site.wsgi, ndd_app.templatetags.ndd
print(sorted({name.partition(".")[0] for name in sys.modules} & {"torch", "torchvision", "timm", "cv2"}))
"""


def test_the_web_process_loads_no_vision():
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
