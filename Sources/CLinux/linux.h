// System calls of Linux that Swift cannot make: those that have no function in the C library, or one of a variable number
// of arguments. Nothing is linked: every function is inline, takes its call's own arguments, and returns what the C
// library's syscall(2) returns, with errno set.
#pragma once
#define _GNU_SOURCE 1
#include <errno.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/landlock.h>
#include <linux/memfd.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// futex(2) on a word that processes may share. `nanoseconds` bounds the wait; below 0 it has no bound.
static inline long presync_futex_wait(const void *word, uint32_t expected, int64_t nanoseconds) {
    struct timespec patience = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    return syscall(SYS_futex, word, FUTEX_WAIT, expected, nanoseconds < 0 ? NULL : &patience, NULL, 0);
}

static inline long presync_futex_wake(const void *word) {
    return syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

// poll(2) with a patience in nanoseconds; below 0 it has no bound.
static inline int presync_poll(struct pollfd *entries, unsigned long count, int64_t nanoseconds) {
    struct timespec patience = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    return (int)syscall(SYS_ppoll, entries, count, nanoseconds < 0 ? NULL : &patience, NULL, 0);
}

// prctl(2)
static inline int presync_set_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

// prctl(2): this process is killed with the thread that started it.
static inline int presync_end_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); }

// close_range(2): every descriptor from `first` on.
static inline long presync_close_from(unsigned int first) { return syscall(SYS_close_range, first, ~0u, 0u); }

// environ(7)
static inline char **presync_environment(void) { return environ; }

// seccomp(2): a filter for every thread of the process.
static inline long presync_install_filter(const struct sock_filter *instructions, unsigned short count) {
    struct sock_fprog program = {count, (struct sock_filter *)instructions};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
}

// landlock(7)
static inline long presync_landlock_version(void) {
    return syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
}

// `network` is 0 where the kernel's Landlock knows no network.
static inline long presync_landlock_create(uint64_t files, uint64_t network) {
    uint64_t handled[2] = {files, network};
    return syscall(SYS_landlock_create_ruleset, handled, network == 0 ? sizeof(uint64_t) : sizeof handled, 0u);
}

static inline long presync_landlock_allow(int ruleset, int path, uint64_t access) {
    struct landlock_path_beneath_attr rule = {access, path};
    return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0u);
}

static inline long presync_landlock_restrict(int ruleset) { return syscall(SYS_landlock_restrict_self, ruleset, 0u); }

// memfd_create(2): memory without a name, of no size yet, that can be sealed.
static inline int presync_memory(const char *name) {
    return (int)syscall(SYS_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

// gettid(2)
static inline int presync_thread(void) { return (int)syscall(SYS_gettid); }

// setpriority(2): all other threads go first.
static inline long presync_let_others_go_first(int thread) { return syscall(SYS_setpriority, 0, thread, 19); }
