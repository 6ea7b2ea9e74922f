"""A callback of scikit-learn that does nothing at any task: a base of those that do."""


class QuietCallback:
    """Its subclasses say what they do at a task's end, in the arguments that they want."""

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass
