/* Durable steps of a process, counted at its calls of the C library, and there the process is killed or the call fails.

   Loaded with LD_PRELOAD. A process in whose environment COMMIT_POINTS names a file shares that file as `struct control`
   with the test that made it, and with the processes that it starts; any other process is left alone. Only files below
   `prefix` count, not those of shared memory that SQLite keeps beside a database. */

#define _GNU_SOURCE 1
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { COMMIT = 1, SYNC = 2, RENAME = 4, APPEND = 8, CUT = 16, UNLINK = 32, WRITE = 64, OPEN = 128 };
enum { COUNT, KILL_BEFORE, KILL_AFTER, FAIL_ONCE, FAIL_ON };
enum { ENTRIES = 16384, NAME = 60, FRAME_HEAD = 24 };

struct entry {
    uint32_t kind;
    char name[NAME];
};

struct control {
    uint32_t action, kinds, target, error, counted, fired;
    char prefix[256];
    struct entry entries[ENTRIES];
};

static struct control *control;
static __thread int commit_fd = -1, after_commit;

#define REAL(name) (real_##name ? real_##name : (real_##name = dlsym(RTLD_NEXT, #name)))
#define DECLARE(type, name, ...) static type (*real_##name)(__VA_ARGS__)

DECLARE(ssize_t, write, int, const void *, size_t);
DECLARE(ssize_t, pwrite, int, const void *, size_t, off_t);
DECLARE(ssize_t, pwrite64, int, const void *, size_t, off64_t);
DECLARE(ssize_t, sendfile, int, int, off_t *, size_t);
DECLARE(ssize_t, sendfile64, int, int, off64_t *, size_t);
DECLARE(ssize_t, copy_file_range, int, off64_t *, int, off64_t *, size_t, unsigned);
DECLARE(int, fsync, int);
DECLARE(int, fdatasync, int);
DECLARE(int, ftruncate, int, off_t);
DECLARE(int, ftruncate64, int, off64_t);
DECLARE(int, rename, const char *, const char *);
DECLARE(int, link, const char *, const char *);
DECLARE(int, unlink, const char *);
DECLARE(int, unlinkat, int, const char *, int);
DECLARE(int, mkdir, const char *, mode_t);
DECLARE(int, open, const char *, int, ...);
DECLARE(int, open64, const char *, int, ...);

/* The control file of this process; NULL if it has none, which is asked again, since a fork is told later. */
static struct control *shared(void) {
    if (control) return control;
    const char *file = getenv("COMMIT_POINTS");
    if (!file || !*file) return NULL;
    int fd = REAL(open)(file, O_RDWR | O_CLOEXEC);
    if (fd < 0) return NULL;
    void *mapped = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED) control = mapped;
    return control;
}

static int ends(const char *path, const char *ending) {
    size_t length = strlen(path), least = strlen(ending);
    return length >= least && !strcmp(path + length - least, ending);
}

/* The path below the prefix, in `path`; 0 for any other file. */
static int is_ours(char *path) {
    size_t length = strlen(control->prefix);
    return !strncmp(path, control->prefix, length) && path[length] == '/' && !ends(path, "-shm");
}

static int path_of_fd(int fd, char *path) {
    char link[40];
    if (!shared()) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, 4095);
    if (length <= 0) return 0;
    path[length] = 0;
    return is_ours(path);
}

static int path_of_name(int folder, const char *name, char *path) {
    if (!name || !shared()) return 0;
    if (name[0] == '/') {
        snprintf(path, 4096, "%s", name);
    } else {
        char link[40];
        ssize_t length;
        if (folder == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        length = readlink(link, path, 2000);
        if (length <= 0) return 0;
        snprintf(path + length, 4096 - length, "/%s", name);
    }
    return is_ours(path);
}

static void die(void) {
    control->fired = 1;
    kill(0, SIGKILL);
    for (;;) pause();
}

/* Count a step. 1 if the call is to fail now, with errno set; 2 if the process is to be killed after it; 0 else. */
static int step(uint32_t kind, const char *path) {
    if (!(control->kinds & kind)) return 0;
    uint32_t number = __atomic_add_fetch(&control->counted, 1, __ATOMIC_SEQ_CST);
    if (number <= ENTRIES) {
        struct entry *entry = &control->entries[number - 1];
        const char *name = path + strlen(control->prefix) + 1;
        size_t length = strlen(name);
        entry->kind = kind;
        snprintf(entry->name, NAME, "%s", length < NAME ? name : name + length - NAME + 1);
    }
    if (control->action == FAIL_ON ? number < control->target : number != control->target) return 0;
    switch (control->action) {
    case KILL_BEFORE:
        die();
        return 0;
    case KILL_AFTER:
        return 2;
    case FAIL_ONCE:
    case FAIL_ON:
        control->fired = 1;
        errno = (int)control->error;
        return 1;
    }
    return 0;
}

/* The step that a write is. Of a frame of a write-ahead log the head is the step, and the page comes after it. */
static int write_step(int fd, const unsigned char *data, size_t length) {
    char path[4096];
    if (fd == commit_fd) {
        commit_fd = -1;
        return after_commit;
    }
    if (!path_of_fd(fd, path)) return 0;
    if (ends(path, "-wal") && length == FRAME_HEAD) {
        int is_commit = data[4] | data[5] | data[6] | data[7];
        int outcome = step(is_commit ? COMMIT : WRITE, path);
        if (outcome == 1) return 1;
        commit_fd = fd, after_commit = outcome;
        return 0;
    }
    return step(ends(path, ".warc.gz") ? APPEND : WRITE, path);
}

#define CALL(outcome, type, call)   \
    do {                            \
        int said = (outcome);       \
        if (said == 1) return -1;   \
        type result = (call);       \
        if (said == 2) die();       \
        return result;              \
    } while (0)

ssize_t write(int fd, const void *data, size_t length) { CALL(write_step(fd, data, length), ssize_t, REAL(write)(fd, data, length)); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t at) { CALL(write_step(fd, data, length), ssize_t, REAL(pwrite)(fd, data, length, at)); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at) { CALL(write_step(fd, data, length), ssize_t, REAL(pwrite64)(fd, data, length, at)); }

static int copy_step(int fd) {
    char path[4096];
    return path_of_fd(fd, path) ? step(ends(path, ".warc.gz") ? APPEND : WRITE, path) : 0;
}

ssize_t sendfile(int to, int from, off_t *at, size_t length) { CALL(copy_step(to), ssize_t, REAL(sendfile)(to, from, at, length)); }
ssize_t sendfile64(int to, int from, off64_t *at, size_t length) { CALL(copy_step(to), ssize_t, REAL(sendfile64)(to, from, at, length)); }
ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *there, size_t length, unsigned flags) { CALL(copy_step(to), ssize_t, REAL(copy_file_range)(from, at, to, there, length, flags)); }

static int fd_step(uint32_t kind, int fd) {
    char path[4096];
    return path_of_fd(fd, path) ? step(kind, path) : 0;
}

int fsync(int fd) { CALL(fd_step(SYNC, fd), int, REAL(fsync)(fd)); }
int fdatasync(int fd) { CALL(fd_step(SYNC, fd), int, REAL(fdatasync)(fd)); }
int ftruncate(int fd, off_t length) { CALL(fd_step(CUT, fd), int, REAL(ftruncate)(fd, length)); }
int ftruncate64(int fd, off64_t length) { CALL(fd_step(CUT, fd), int, REAL(ftruncate64)(fd, length)); }

static int name_step(uint32_t kind, int folder, const char *name) {
    char path[4096];
    if (!path_of_name(folder, name, path)) return 0;
    return step(kind == UNLINK && ends(path, "-journal") ? COMMIT : kind, path); /* a rollback journal's end commits */
}

int rename(const char *old, const char *new) { CALL(name_step(RENAME, AT_FDCWD, new), int, REAL(rename)(old, new)); }
int link(const char *old, const char *new) { CALL(name_step(RENAME, AT_FDCWD, new), int, REAL(link)(old, new)); }
int mkdir(const char *name, mode_t mode) { CALL(name_step(OPEN, AT_FDCWD, name), int, REAL(mkdir)(name, mode)); }

/* A name that nothing has any more is no step. */
static int unlink_step(int folder, const char *name) {
    struct stat status;
    int before = errno;
    if (!shared() || fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW)) {
        errno = before;
        return 0;
    }
    return name_step(UNLINK, folder, name);
}

int unlink(const char *name) { CALL(unlink_step(AT_FDCWD, name), int, REAL(unlink)(name)); }
int unlinkat(int folder, const char *name, int flags) { CALL(unlink_step(folder, name), int, REAL(unlinkat)(folder, name, flags)); }

#define MODE(flags, mode)                       \
    mode_t mode = 0;                            \
    if ((flags) & (O_CREAT | O_TMPFILE)) {      \
        va_list rest;                           \
        va_start(rest, flags);                  \
        mode = va_arg(rest, mode_t);            \
        va_end(rest);                           \
    }

static int open_step(const char *name, int flags) {
    return (flags & O_ACCMODE) == O_RDONLY && !(flags & O_CREAT) ? 0 : name_step(OPEN, AT_FDCWD, name);
}

int open(const char *name, int flags, ...) {
    MODE(flags, mode)
    CALL(open_step(name, flags), int, REAL(open)(name, flags, mode));
}

int open64(const char *name, int flags, ...) {
    MODE(flags, mode)
    CALL(open_step(name, flags), int, REAL(open64)(name, flags, mode));
}
