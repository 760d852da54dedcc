/* A thin layer over io_uring, by which a process gives requests to the kernel and learns of their completions. It is
 * written in C, because process and kernel share memory that needs atomic accesses. ReceiveRing.swift uses it. */
#pragma once
#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct clinux_ring {
    int fd;
    void *rings, *entries, *buffer_ring, *buffers;
    size_t rings_size, entries_size, buffer_ring_size, buffers_size;
    uint32_t *sq_head, *sq_tail, *sq_flags, *sq_array, *cq_head, *cq_tail;
    uint32_t sq_mask, cq_mask, sq_local_tail, sq_submitted;
    struct io_uring_cqe *cqes;
    uint32_t buffer_count, buffer_size;
    uint16_t buffer_tail;
};

static inline void clinux_ring_close(struct clinux_ring *ring) {
    if (ring->fd >= 0) close(ring->fd);
    if (ring->rings) munmap(ring->rings, ring->rings_size);
    if (ring->entries) munmap(ring->entries, ring->entries_size);
    if (ring->buffer_ring) munmap(ring->buffer_ring, ring->buffer_ring_size);
    if (ring->buffers) munmap(ring->buffers, ring->buffers_size);
    memset(ring, 0, sizeof *ring);
    ring->fd = -1;
}

/* Puts a buffer into the ring of free buffers, from which the kernel takes one for each receive. The kernel sees the
 * buffer only after clinux_ring_publish_buffers. */
static inline void clinux_ring_give_buffer(struct clinux_ring *ring, uint16_t id) {
    struct io_uring_buf *slots = (struct io_uring_buf *)ring->buffer_ring;
    struct io_uring_buf *slot = &slots[ring->buffer_tail & (ring->buffer_count - 1)];
    slot->addr = (uint64_t)(uintptr_t)ring->buffers + (uint64_t)id * ring->buffer_size;
    slot->len = ring->buffer_size;
    slot->bid = id;
    ring->buffer_tail++;
}
static inline void clinux_ring_publish_buffers(struct clinux_ring *ring) {
    /* Bytes 14 and 15 of the first slot tell the kernel how many buffers have been put into the ring, modulo 65536. */
    uint16_t *tail = (uint16_t *)((char *)ring->buffer_ring + 14);
    __atomic_store_n(tail, ring->buffer_tail, __ATOMIC_RELEASE);
}

/* Opens an io_uring with buffers for receives. `entries`, `completions` and `buffer_count` must be powers of two.
 * Returns 0, or an errno if the kernel is too old or its settings forbid io_uring. */
static inline int clinux_ring_open(
    struct clinux_ring *ring, uint32_t entries, uint32_t completions, uint32_t buffer_count, uint32_t buffer_size
) {
    memset(ring, 0, sizeof *ring);
    struct io_uring_params parameters = { 0 };
    /* IORING_SETUP_DEFER_TASKRUN (Linux 6.1): the kernel completes requests only while this thread waits for them. */
    parameters.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN
        | IORING_SETUP_TASKRUN_FLAG;
    parameters.cq_entries = completions;
    ring->fd = (int)syscall(SYS_io_uring_setup, entries, &parameters);
    if (ring->fd < 0) return errno;
    uint32_t needed = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG;
    int code = (parameters.features & needed) == needed ? 0 : ENOSYS;
    if (code == 0) {
        size_t sq = parameters.sq_off.array + parameters.sq_entries * sizeof(uint32_t);
        size_t cq = parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe);
        ring->rings_size = sq > cq ? sq : cq;
        ring->entries_size = parameters.sq_entries * sizeof(struct io_uring_sqe);
        ring->buffer_ring_size = buffer_count * sizeof(struct io_uring_buf);
        ring->buffers_size = (size_t)buffer_count * buffer_size;
        void *maps[4] = {
            mmap(NULL, ring->rings_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQ_RING),
            mmap(NULL, ring->entries_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQES),
            mmap(NULL, ring->buffer_ring_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            mmap(NULL, ring->buffers_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        };
        void **targets[4] = { &ring->rings, &ring->entries, &ring->buffer_ring, &ring->buffers };
        for (int i = 0; i < 4; i++) {
            if (maps[i] == MAP_FAILED) code = ENOMEM;
            else *targets[i] = maps[i];
        }
    }
    if (code == 0) {
        struct io_uring_buf_reg registration = { 0 };
        registration.ring_addr = (uint64_t)(uintptr_t)ring->buffer_ring;
        registration.ring_entries = buffer_count;
        if (syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_PBUF_RING, &registration, 1) < 0) code = errno;
    }
    if (code != 0) {
        clinux_ring_close(ring);
        return code;
    }
    char *base = (char *)ring->rings;
    ring->sq_head = (uint32_t *)(base + parameters.sq_off.head);
    ring->sq_tail = (uint32_t *)(base + parameters.sq_off.tail);
    ring->sq_flags = (uint32_t *)(base + parameters.sq_off.flags);
    ring->sq_array = (uint32_t *)(base + parameters.sq_off.array);
    ring->sq_mask = parameters.sq_entries - 1;
    ring->cq_head = (uint32_t *)(base + parameters.cq_off.head);
    ring->cq_tail = (uint32_t *)(base + parameters.cq_off.tail);
    ring->cq_mask = parameters.cq_entries - 1;
    ring->cqes = (struct io_uring_cqe *)(base + parameters.cq_off.cqes);
    ring->buffer_count = buffer_count;
    ring->buffer_size = buffer_size;
    for (uint32_t i = 0; i < buffer_count; i++) clinux_ring_give_buffer(ring, (uint16_t)i);
    clinux_ring_publish_buffers(ring);
    return 0;
}

/* Submits the prepared requests to the kernel. If `wait` is set, it also lets the kernel complete requests, and waits
 * until `completions` completions are there or `nanoseconds` have passed (negative: no limit). Returns 0 or an errno
 * such as ETIME or EINTR. */
static inline int clinux_ring_enter(struct clinux_ring *ring, int wait, uint32_t completions, int64_t nanoseconds) {
    uint32_t count = ring->sq_local_tail - ring->sq_submitted;
    struct __kernel_timespec time = { .tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000 };
    struct io_uring_getevents_arg argument = { 0 };
    if (nanoseconds >= 0) argument.ts = (uint64_t)(uintptr_t)&time;
    unsigned flags = wait ? IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG : 0;
    long result = syscall(
        SYS_io_uring_enter, ring->fd, count, completions, flags, wait ? &argument : NULL, wait ? sizeof argument : 0
    );
    int code = result < 0 ? errno : 0;
    /* Even if the call has failed, the kernel may have accepted some requests. `sq_head` counts the accepted ones. */
    ring->sq_submitted = __atomic_load_n(ring->sq_head, __ATOMIC_ACQUIRE);
    return code;
}

static inline struct io_uring_sqe *clinux_ring_prepare(struct clinux_ring *ring, uint8_t operation, int fd, uint64_t data) {
    while (ring->sq_local_tail - __atomic_load_n(ring->sq_head, __ATOMIC_ACQUIRE) > ring->sq_mask) {
        int code = clinux_ring_enter(ring, 0, 0, -1);
        if (code != 0 && code != EINTR && code != EAGAIN && code != EBUSY) return NULL;
        if (code == EBUSY) clinux_ring_enter(ring, 1, 0, -1);
    }
    uint32_t index = ring->sq_local_tail & ring->sq_mask;
    struct io_uring_sqe *entry = &((struct io_uring_sqe *)ring->entries)[index];
    memset(entry, 0, sizeof *entry);
    entry->opcode = operation;
    entry->fd = fd;
    entry->user_data = data;
    ring->sq_array[index] = index;
    ring->sq_local_tail++;
    __atomic_store_n(ring->sq_tail, ring->sq_local_tail, __ATOMIC_RELEASE);
    return entry;
}

/* Prepares one request that makes the kernel receive from a socket repeatedly, each time into a free buffer. Each
 * receive makes a completion, until the peer closes its side, a receive fails, or the request is cancelled. Returns 0
 * if the submission queue is full, otherwise 1. */
static inline int clinux_ring_receive(struct clinux_ring *ring, int fd, uint64_t data) {
    struct io_uring_sqe *entry = clinux_ring_prepare(ring, IORING_OP_RECV, fd, data);
    if (!entry) return 0;
    entry->flags = IOSQE_BUFFER_SELECT;
    entry->ioprio = IORING_RECV_MULTISHOT | IORING_RECVSEND_POLL_FIRST;
    return 1;
}
static inline int clinux_ring_cancel(struct clinux_ring *ring, uint64_t target, uint64_t data) {
    struct io_uring_sqe *entry = clinux_ring_prepare(ring, IORING_OP_ASYNC_CANCEL, -1, data);
    if (!entry) return 0;
    entry->addr = target;
    return 1;
}
static inline int clinux_ring_poll(struct clinux_ring *ring, int fd, uint64_t data) {
    struct io_uring_sqe *entry = clinux_ring_prepare(ring, IORING_OP_POLL_ADD, fd, data);
    if (!entry) return 0;
    entry->poll32_events = 1; /* POLLIN */
    return 1;
}

static inline uint32_t clinux_ring_ready(const struct clinux_ring *ring) {
    return __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) - *ring->cq_head;
}
static inline struct io_uring_cqe clinux_ring_completion(const struct clinux_ring *ring) {
    struct io_uring_cqe entry = ring->cqes[*ring->cq_head & ring->cq_mask];
    __atomic_store_n(ring->cq_head, *ring->cq_head + 1, __ATOMIC_RELEASE);
    return entry;
}
/* The `user_data` of the completion that is `ahead` places after the next one to handle; 0 if there is none. */
static inline uint64_t clinux_ring_peek(const struct clinux_ring *ring, uint32_t ahead) {
    uint32_t index = *ring->cq_head + ahead;
    if ((int32_t)(__atomic_load_n(ring->cq_tail, __ATOMIC_RELAXED) - index) <= 0) return 0;
    return ring->cqes[index & ring->cq_mask].user_data;
}
/* Loads the first five cache lines of an object into the CPU's cache, because the object will soon be used. */
static inline void clinux_prefetch(const void *object) {
    __builtin_prefetch(object);
    __builtin_prefetch((const char *)object + 64);
    __builtin_prefetch((const char *)object + 128);
    __builtin_prefetch((const char *)object + 192);
    __builtin_prefetch((const char *)object + 256);
}
/* Whether the kernel has requests that it can complete only during a call of clinux_ring_enter with `wait`. */
static inline int clinux_ring_has_work(const struct clinux_ring *ring) {
    return (__atomic_load_n(ring->sq_flags, __ATOMIC_RELAXED) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}
static inline const void *clinux_ring_buffer(const struct clinux_ring *ring, uint16_t id) {
    return (const char *)ring->buffers + (size_t)id * ring->buffer_size;
}

static const uint32_t clinux_CQE_F_BUFFER = IORING_CQE_F_BUFFER, clinux_CQE_F_MORE = IORING_CQE_F_MORE;
