from django.urls import path

from ndd_app.views import compare, copying, encoders, explain, groups, jobs, media, switching

app_name = "ndd"
urlpatterns = [
    path("compare/<int:first>/<int:second>/", compare.compare, name="compare"),
    path("compare/<int:first>/<int:second>/verdict/", compare.verdict, name="verdict"),
    path("explain/<int:first>/", explain.choose, name="explain_with"),
    path("explain/<int:first>/<int:second>/", explain.explain, name="explain"),
    path("review/<str:slug>/", compare.review, name="review"),
    path("groups/<str:slug>/", groups.groups, name="groups"),
    path("groups/<str:slug>/confirm/", groups.confirm, name="confirm_group"),
    path("copy/<int:source>/<int:target>/", copying.copy, name="copy"),
    path("copies/", copying.copies, name="copies"),
    path("copies/<int:pk>/undo/", copying.undo, name="undo"),
    path("copies/<uuid:batch>/undo/", copying.undo_batch, name="undo_batch"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/live/", jobs.live, name="live_jobs"),
    path("jobs/running/<str:slug>/", jobs.running, name="running_jobs"),
    path("jobs/<int:pk>/", jobs.job, name="job"),
    path("jobs/<int:pk>/retry/", jobs.retry, name="retry"),
    path("jobs/<int:pk>/cancel/", jobs.cancel, name="cancel"),
    path("encoders/", encoders.encoders, name="encoders"),
    path("encoders/<int:pk>/", encoders.encoder, name="encoder"),
    path("encoders/<int:pk>/preview/", switching.preview, name="preview_encoder"),
    path("encoders/<int:pk>/serve/", switching.serve, name="serve_encoder"),
    path("encoders/<int:pk>/back/", switching.step_back, name="step_back"),
    path("encoders/<int:pk>/embeddings/delete/", switching.delete_embeddings, name="delete_embeddings"),
    path("photos/<int:pk>/scan/", media.working_copy, name="working_copy"),
    path("photos/<int:pk>/thumbnail/", media.thumbnail, name="thumbnail"),
    path("photos/<int:pk>/master/", media.master, name="master"),
]
