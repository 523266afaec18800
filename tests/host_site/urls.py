from django.contrib.auth.views import LoginView
from django.urls import include, path

from tests.host_site.museum.views import show_item

urlpatterns = [
    path("items/<str:number>/", show_item, name="item"),
    path("login/", LoginView.as_view(), name="login"),
    path("same-picture/", include("ndd_app.urls")),
]
