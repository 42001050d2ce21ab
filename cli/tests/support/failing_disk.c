/* A disk that fails, for one process: loaded before the C library, it lets the vault's files be synced, written, read or opened so many times and no more.
 * LATCHKEY_TEST_DISK is `sync N`, `write N`, `read N` or `open N`; from the N-th call on (counted from 0) there is an I/O error, or no space. With `room N` there is
 * none from the N-th write on until the file is deleted that holds room. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long calls;
static atomic_int room;

/* Whether this call of `kind` on a file of this name fails. */
static int fails_at(const char *kind, const char *path) {
  const char *wanted = getenv("LATCHKEY_TEST_DISK");
  size_t name = strlen(kind);
  if (!wanted || strncmp(wanted, kind, name) != 0 || !strstr(path, "/vault.")) return 0;
  return atomic_fetch_add(&calls, 1) >= atol(wanted + name);
}

/* Whether this call of `kind` on this file fails. */
static int fails(const char *kind, int fd) {
  char link[64], path[4096];
  ssize_t length;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return fails_at(kind, path);
}

/* Whether this write fails. */
static int is_full(int fd) { return fails("write", fd) || (!atomic_load(&room) && fails("room", fd)); }

int unlink(const char *path) {
  static int (*real)(const char *);
  if (!real) real = dlsym(RTLD_NEXT, "unlink");
  if (strstr(path, "/vault.room")) atomic_store(&room, 1);
  return real(path);
}

int fsync(int fd) {
  static int (*real)(int);
  if (!real) real = dlsym(RTLD_NEXT, "fsync");
  if (fails("sync", fd)) { errno = EIO; return -1; }
  return real(fd);
}

int fdatasync(int fd) {
  static int (*real)(int);
  if (!real) real = dlsym(RTLD_NEXT, "fdatasync");
  if (fails("sync", fd)) { errno = EIO; return -1; }
  return real(fd);
}

ssize_t write(int fd, const void *bytes, size_t length) {
  static ssize_t (*real)(int, const void *, size_t);
  if (!real) real = dlsym(RTLD_NEXT, "write");
  if (is_full(fd)) { errno = ENOSPC; return -1; }
  return real(fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
  static ssize_t (*real)(int, const void *, size_t, off_t);
  if (!real) real = dlsym(RTLD_NEXT, "pwrite");
  if (is_full(fd)) { errno = ENOSPC; return -1; }
  return real(fd, bytes, length, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
  static ssize_t (*real)(int, const void *, size_t, off64_t);
  if (!real) real = dlsym(RTLD_NEXT, "pwrite64");
  if (is_full(fd)) { errno = ENOSPC; return -1; }
  return real(fd, bytes, length, at);
}

ssize_t read(int fd, void *bytes, size_t length) {
  static ssize_t (*real)(int, void *, size_t);
  if (!real) real = dlsym(RTLD_NEXT, "read");
  if (fails("read", fd)) { errno = EIO; return -1; }
  return real(fd, bytes, length);
}

ssize_t pread(int fd, void *bytes, size_t length, off_t at) {
  static ssize_t (*real)(int, void *, size_t, off_t);
  if (!real) real = dlsym(RTLD_NEXT, "pread");
  if (fails("read", fd)) { errno = EIO; return -1; }
  return real(fd, bytes, length, at);
}

ssize_t pread64(int fd, void *bytes, size_t length, off64_t at) {
  static ssize_t (*real)(int, void *, size_t, off64_t);
  if (!real) real = dlsym(RTLD_NEXT, "pread64");
  if (fails("read", fd)) { errno = EIO; return -1; }
  return real(fd, bytes, length, at);
}

int open(const char *path, int flags, ...) {
  static int (*real)(const char *, int, ...);
  va_list more;
  mode_t mode = 0;
  if (!real) real = dlsym(RTLD_NEXT, "open");
  if (flags & O_CREAT) { va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }
  if (fails_at("open", path)) { errno = EIO; return -1; }
  return real(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  static int (*real)(const char *, int, ...);
  va_list more;
  mode_t mode = 0;
  if (!real) real = dlsym(RTLD_NEXT, "open64");
  if (flags & O_CREAT) { va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }
  if (fails_at("open", path)) { errno = EIO; return -1; }
  return real(path, flags, mode);
}
