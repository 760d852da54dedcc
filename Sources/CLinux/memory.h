/* Memory that processes share: functions that create a memfd, seal its size, and map it. The C headers declare
 * memfd_create and the constants only with _GNU_SOURCE, which must not be defined (see shim.h). So the numbers of these
 * constants in the kernel's interface are repeated here. */
#pragma once
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Creates an empty memfd whose size can be sealed. The flags are MFD_CLOEXEC | MFD_ALLOW_SEALING. */
static inline int clinux_memfd(const char *name) { return (int)syscall(SYS_memfd_create, name, 1u | 2u); }
/* Seals the size of a memfd, so that it cannot change any more: F_ADD_SEALS with F_SEAL_SEAL | F_SEAL_SHRINK |
 * F_SEAL_GROW. */
static inline int clinux_seal_size(int fd) { return fcntl(fd, 1033, 1 | 2 | 4); }
/* Whether the size of a memfd is sealed (F_GET_SEALS). False for a descriptor that is no memfd. */
static inline int clinux_has_sealed_size(int fd) {
    int seals = fcntl(fd, 1034);
    return seals >= 0 && (seals & (2 | 4)) == (2 | 4);
}
/* Maps a file for reading and writing, shared with other processes. Returns NULL, with errno, if that fails. */
static inline void *clinux_map_shared(int fd, size_t bytes) {
    void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return start == MAP_FAILED ? NULL : start;
}
static const int clinux_SEEK_DATA = 3, clinux_SEEK_HOLE = 4;
