/* Starts a program that outlives this process. The program does not stay a child of this process. It becomes a child
 * of the process with id 1, or of the nearest ancestor that is a child subreaper (prctl(2)). */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* <sched.h> declares `clone` only with _GNU_SOURCE. */
extern int clone(int (*function)(void *), void *stack, int flags, void *argument, ...);

struct clinux_launch {
    const char *path;
    char *const *arguments, *const *environment;
    /* The close-on-exec descriptors that stay open in the program nevertheless. Descriptors without close-on-exec stay
       open in any case. */
    const int *descriptors;
    int descriptor_count;
    /* The result: `error` is 0 and `process` is the id of the new process, or `error` is the errno of the function that
       failed, such as `clone` or `execve`. */
    pid_t process;
    int error;
    char *stacks;
};

enum { clinux_launch_stack = 64 * 1024 };

/* The two functions below run in new processes, which use the memory of this process (CLONE_VM) while their parents
 * wait (CLONE_VFORK). So no memory is copied when the processes start, and this process sees the errors that the
 * functions store. The functions make only system calls. Each process has its own copy of the descriptor table, so its
 * changes to descriptors do not change this process. */
static inline int clinux_launch_program(void *argument) {
    struct clinux_launch *launch = argument;
    for (int i = 0; i < launch->descriptor_count; i++) {
        if (fcntl(launch->descriptors[i], F_SETFD, 0) == 0) continue;
        launch->error = errno;
        _exit(1);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(launch->path, launch->arguments, launch->environment);
    launch->error = errno;
    _exit(1);
}

/* Runs in an intermediate process, which starts the program and then exits. The kernel therefore makes the program a
 * child of the process with id 1, or of the nearest ancestor that is a child subreaper (prctl(2)). */
static inline int clinux_launch_parent(void *argument) {
    struct clinux_launch *launch = argument;
    launch->process = clone(clinux_launch_program, launch->stacks + clinux_launch_stack,
                            CLONE_VM | CLONE_VFORK | SIGCHLD, launch);
    if (launch->process < 0) launch->error = errno;
    _exit(0);
}

/* Starts the program, and stores the result in `process` and `error`. The calling thread waits until the kernel has
 * loaded the program or an error has occurred, but not until the program ends. */
static inline void clinux_launch(struct clinux_launch *launch) {
    sigset_t all, before;
    launch->process = -1;
    launch->error = 0;
    launch->stacks = malloc(2 * clinux_launch_stack);
    if (!launch->stacks) {
        launch->error = ENOMEM;
        return;
    }
    /* Blocks all signals, so that no signal handler of this process runs in the new processes that share its memory. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = clone(clinux_launch_parent, launch->stacks + 2 * clinux_launch_stack,
                         CLONE_VM | CLONE_VFORK | SIGCHLD, launch);
    if (parent < 0) launch->error = errno;
    else while (waitpid(parent, NULL, 0) < 0 && errno == EINTR) {}
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    free(launch->stacks);
    launch->stacks = NULL;
}

static inline int clinux_pidfd_open(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0); }
static inline int clinux_pidfd_send_signal(int descriptor, int number) {
    return (int)syscall(SYS_pidfd_send_signal, descriptor, number, NULL, 0);
}
