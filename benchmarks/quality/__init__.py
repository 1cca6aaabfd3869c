"""Quality on judged sets, our system beside what others would give with the same model."""
