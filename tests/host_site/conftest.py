from django.conf import settings

# These tests run in a process of their own, with the museum's settings: see tests/acceptance/test_host_site.py.
collect_ignore = [] if settings.ROOT_URLCONF == "tests.host_site.urls" else ["test_museum.py"]
