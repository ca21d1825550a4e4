"""The grader's side of the sandbox: starts it, proves that it holds, talks to it, ends it."""
