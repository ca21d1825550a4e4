"""The grader's side of the sandbox: starts it, proves that it holds, talks to it, ends it.

Theory of operation
===================

Processes, each forked from, or started by, the one above it; all but the children are trusted:

    command            the run: gradebook, reports; imports neither torch nor a course
    ├ limited process  one per question: an archive's list, a platform's YAML, which file is meant
    ├ worker server    `preload`: imports torch and the grader once
    │ ├ worker         one per slot of `grading.pool`: checks, references, verdicts
    │ └ model server   one per full-scale model and copy: holds the weights, computes references
    └ fork server      `inside.forkserver`: imports the libraries of submissions once, and nothing
      │                of the grader
      └ zygote         one per worker: the bench of a run, isolated, single-threaded; no check, no
        │              reference, no submission
        └ child        one per submission, a new one after each crash or timeout: hostile from its
                       first cell on; locked down before that; a single process that forks nothing

Who may hold what: course and references are in workers and model servers alone. A child gets the
file, its companions, arguments of calls, the bench that it shares with its zygote, and the memory
of full-scale weights. Seeds of hidden inputs never leave the workers.

Public checks of all exercises run before any hidden one, and a new child draws pictures: what
a submission learns from hidden calls is in no process that still speaks to its student.

Channels, all of them UNIX sockets or pipes that one process hands to the next:

    command → limited    bytes on standard input; back: JSON, or nothing where it failed
    command → worker     "fork", with the new process's socket, log and lifeline; back: its number
      server             and pidfd, or why there is none
    worker  → fork       the same
      server
    command → worker     pickles of our own plain data (`Settings`, `Found`, `Attempt`)
    worker  → zygote     settings as JSON, "fork", "reap N"; back: number and pidfd, or why not
    worker  → child      per request a fresh socket pair, handed over its control socket; back: one
                         frame of `wire`, of a length that is known first; nothing is unpickled
    worker  → model      frames of `wire`; with "attach" the descriptor of the weights
      server

A process is known by its pidfd, never by its number. Each ends with the one that asked for it,
whoever forked it: that one holds the writing end of its lifeline, a pipe, and when that closes, the
kernel kills the process (`linux.end_with`). So workers and both servers end with the command, a
zygote ends with its worker; a child ends with its zygote, by the parent-death signal.

What is killed, who notices, and what happens then (docs/adr/0032):

    child              its worker, by pidfd: the call is repeated once in another
    zygote             its worker, by a closed channel: a new one, at the same level
    worker             the command, by a closed channel: the submission is graded again, alone
    worker server,     a thread of the command that waits for each: another one serves the same
      fork server      socket; what they have forked goes on, and requests wait meanwhile
    model server       its workers, by a closed channel: the run ends with a sentence
    limited process    who asked: the question is asked again

Times and retries, with what each protects from:

  where    name                             value       protects from
  limited  MAX_SECONDS                      60 s        files that are slow to list or to read: of
                                                        processor time, and twice on the clock;
                                                        never tried again
  limited  limited_process.ATTEMPTS         4           a process that somebody ends before that, or
                                                        that cannot be started
  child    Limits.call, Limits.total        20, 300 s   answers that do not end; total counts from
                                                        "child ready" to "reply decoded", never
                                                        our start-up
  child    clock.MOST_TIMES                 10 ×        a verdict on a process that others kept
                                                        from running; past it the submission is
                                                        graded again alone
  child    READY_SECONDS                    120 s       a child that does not lock itself down
  child    HANG_UP_SECONDS                  2 s         waiting for a process that only closed its
                                                        channel
  child    KILL_SECONDS                     20 s        a process that cannot be killed: the
                                                        sandbox is lost
  session  a repeated call                  once        a SIGKILL, or the end of the sandbox, from
                                                        outside; a second one, or no room for a
                                                        thread, and all is graded again alone
  zygote   REPLY_SECONDS                    30 s        a zygote that is stuck
  forking  STARTUP_SECONDS                  180 s       libraries that do not load
  forking  forkserver.ATTEMPTS              4           a fork server that is killed while it
                                                        answers, and its successors
  forking  another fork server              once        one that has ended by itself
  level    SELF_TEST_SECONDS                60 s        a self-test that hangs
  level    ATTEMPTS, ATTEMPTS_ON_GPU        5, 10       a machine, or a GPU, that is full for a
                                                        moment; a zygote that has ended
  cgroups  _SECONDS_TO_EMPTY                5 s         groups whose last process is about to go
  budget   CHECK_SECONDS, TOTAL_SECONDS     30, 120 s   of processor time: replies that are slow
                                                        to read or to compare, by an alarm
  budget   AGAIN_SECONDS, GRACE_SECONDS     0.5, 30 s   code that swallows the alarm, or that none
                                                        can interrupt: then the kernel ends the
                                                        worker
  judge    TIMEOUTS_PER_EXERCISE            2           a slow function in every check
  sessions CALL_LIMIT                       20 s        of processor time: a known mistake that is
                                                        slow, called in the worker
  evidence REFERENCE_LIMIT                  10 s        the same for the reference, called once more
                                                        to show what a check found
  naming   SECONDS                          20 s        calls that only find out which mistake it is
  truth    ground_truth.ATTEMPTS            10          weights that a submission changes while the
                                                        reference runs on them
  weights  ATTEMPTS                         4           what an ended child had asked of the GPU
  pool     ATTEMPTS_TO_ASK                  10          a worker or its server that ends while it
                                                        starts for the first time, or a machine
                                                        that is full
  pool     SECONDS_TO_ASK                   600 s       one that had started before: something
                                                        ends it
  pool     processes.SECONDS_TO_END         5 s         a killed worker that is slow to go
  attempts DEATHS_TO_DOUBT                  2           blaming an answer for a worker that
                                                        somebody killed
  retries  ATTEMPTS, STARTS                 6, 30       a submission whose worker always ends, at
                                                        its checks or before them
  retries  PUT_OFF, MOST_BROKEN             3, 5        points for all where the grader itself is
                                                        broken; in small classes, most of the class
  retries  LOOK_SECONDS                     5 s         a watchdog that looks all the time
  stopped  STOPPED_SECONDS                  60 s        a worker, or a model server for whom its
                                                        workers would wait, that was stopped
  batch    STARTING_SECONDS                 1800 s      a worker that hangs in any other way (with
                                                        the most that a submission may take,
                                                        twice)
"""
