/* A thin layer over Linux, without logic: declarations that `import Glibc` lacks (epoll, eventfd, signalfd, accept4,
 * TCP options, CPU affinity), and an inline wrapper for each C call that Swift cannot import. */
#pragma once
/* _GNU_SOURCE must not be defined: it changes the headers, which would then conflict with Swift's Glibc module. The few
 * GNU functions that we need are replaced by system calls. */
#include "launch.h"
#include "memory.h"
#include "ring.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* glibc declares the address parameter of its socket functions as a transparent union, which Swift cannot express. */
static inline int clinux_accept4(int fd, struct sockaddr_storage *address, socklen_t *length, int flags) {
    return (int)syscall(SYS_accept4, fd, address, length, flags);
}
static inline int clinux_bind(int fd, const struct sockaddr_storage *address, socklen_t length) {
    return bind(fd, (const struct sockaddr *)address, length);
}
static inline int clinux_connect(int fd, const struct sockaddr_storage *address, socklen_t length) {
    return connect(fd, (const struct sockaddr *)address, length);
}
static inline int clinux_getsockname(int fd, struct sockaddr_storage *address, socklen_t *length) {
    return getsockname(fd, (struct sockaddr *)address, length);
}
static inline int clinux_set_integer_option(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof value);
}
static inline int clinux_socket_error(int fd) {
    int value = 0;
    socklen_t length = sizeof value;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &length) == 0 ? value : errno;
}
/* Gets the process and the user that connected to a unix socket (SO_PEERCRED). Returns 0, or -1 with errno.
 * `struct ucred` needs _GNU_SOURCE, so an equal structure is declared here. */
static inline int clinux_peer_user(int fd, pid_t *process, uid_t *user) {
    struct { pid_t process; uid_t user; gid_t group; } peer = { 0 };
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -1;
    *process = peer.process;
    *user = peer.user;
    return 0;
}
/* Whether a descriptor is a listening socket. */
static inline int clinux_is_listening(int fd) {
    int value = 0;
    socklen_t length = sizeof value;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) == 0 && value != 0;
}
/* How many bytes the kernel has accepted that the peer has not acknowledged yet (SIOCOUTQ, tcp(7)). A FIN counts as one
 * byte. Returns 0 if the kernel does not tell. */
static inline int clinux_unacknowledged(int fd) {
    int count = 0;
    return ioctl(fd, SIOCOUTQ, &count) == 0 ? count : 0;
}
static inline int clinux_set_linger(int fd, int seconds) {
    struct linger value = { .l_onoff = 1, .l_linger = seconds };
    return setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof value);
}
static inline int clinux_epoll_ctl(int epoll, int operation, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = { .events = events, .data = { .u64 = data } };
    return epoll_ctl(epoll, operation, fd, &event);
}
static inline uint32_t clinux_event_bits(const struct epoll_event *events, int index) { return events[index].events; }
static inline uint64_t clinux_event_data(const struct epoll_event *events, int index) { return events[index].data.u64; }
static inline int clinux_set_nonblocking(int fd) { return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }
static inline int clinux_set_close_on_exec(int fd) { return fcntl(fd, F_SETFD, FD_CLOEXEC); }
static inline int clinux_pin_to_cpu(int cpu) {
    unsigned long mask[16] = { 0 };
    if (cpu < 0 || cpu >= 1024) return -1;
    mask[cpu / 64] |= 1UL << (cpu % 64);
    return syscall(SYS_sched_setaffinity, 0, sizeof mask, mask) < 0 ? -1 : 0;
}
static inline int clinux_available_cpus(void) {
    unsigned long mask[16] = { 0 };
    int count = 0;
    if (syscall(SYS_sched_getaffinity, 0, sizeof mask, mask) < 0) return 1;
    for (int i = 0; i < 16; i++) count += __builtin_popcountl(mask[i]);
    return count > 0 ? count : 1;
}
/* The path by which this process was started, as it was given to execve(2); NULL if the kernel does not tell. */
static inline const char *clinux_start_path(void) { return (const char *)getauxval(AT_EXECFN); }
/* A pair of connected stream sockets, close-on-exec and non-blocking. Returns 0, or -1 with errno. */
static inline int clinux_socket_pair(int pair[2]) {
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair);
}
/* Sends a datagram that carries a descriptor with it (SCM_RIGHTS). Returns 0, or -1 with errno. */
static inline int clinux_send_descriptor(int fd, const void *bytes, size_t count, int descriptor, int flags) {
    union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control;
    struct iovec part = {(void *)bytes, count};
    memset(&control, 0, sizeof control);
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    return sendmsg(fd, &message, flags) < 0 ? -1 : 0;
}
static inline int clinux_name_thread(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }
static inline int clinux_set_timer_slack(unsigned long nanoseconds) {
    return prctl(PR_SET_TIMERSLACK, nanoseconds, 0, 0, 0);
}
/* Swift does not import macros that contain casts or arithmetic, so these constants repeat them. */
static const uint32_t clinux_EPOLLIN = EPOLLIN, clinux_EPOLLOUT = EPOLLOUT, clinux_EPOLLERR = EPOLLERR;
static const uint32_t clinux_EPOLLHUP = EPOLLHUP, clinux_EPOLLRDHUP = EPOLLRDHUP;
static const uint32_t clinux_EPOLLET = EPOLLET;
static const uint32_t clinux_EPOLLEXCLUSIVE = EPOLLEXCLUSIVE;
static const int clinux_SOCK_STREAM_FLAGS = SOCK_STREAM;
static const int clinux_NONBLOCK_CLOEXEC = SOCK_NONBLOCK | SOCK_CLOEXEC;
static const int clinux_SOCK_DGRAM_CLOEXEC = SOCK_DGRAM | SOCK_CLOEXEC, clinux_SIGNALFD_FLAGS = SFD_NONBLOCK | SFD_CLOEXEC;
static const int clinux_EVENTFD_BLOCKING = EFD_CLOEXEC;
static const int clinux_EVENTFD_FLAGS = EFD_NONBLOCK | EFD_CLOEXEC, clinux_EPOLL_CLOEXEC = EPOLL_CLOEXEC;
static const int clinux_MSG_NOSIGNAL = MSG_NOSIGNAL, clinux_MSG_DONTWAIT = MSG_DONTWAIT;
static const int clinux_IPPROTO_TCP = IPPROTO_TCP, clinux_IPPROTO_IPV6 = IPPROTO_IPV6;
