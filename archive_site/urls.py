from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from archive_site import views

urlpatterns = [
    path("", views.collections, name="collections"),
    path("collections/<str:slug>/", views.collection, name="collection"),
    path("records/<int:pk>/", views.record, name="record"),
    path("records/<int:pk>/edit/", views.record_edit, name="record_edit"),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("password/", views.ChangePassword.as_view(), name="password"),
    path("duplicates/", include("ndd_app.urls")),
    path("admin/", admin.site.urls),
]
