/* A disk that keeps what was synced and nothing else, and that fails when it is asked to.

   Preloaded into a process (LD_PRELOAD). Of every file in DISK that is synced, its content at that moment is copied to
   DURABLE; of the folder, when it is synced, the names of its files. FAULTS is a file of four 32-bit numbers: the error of
   the next syncs, the error of the next writes (0: none), and how often each was called. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct { int32_t sync, write, syncs, writes; } none, *faults = &none;
static char disk[PATH_MAX], durable[PATH_MAX];

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("DISK"), *copy = getenv("DURABLE"), *file = getenv("FAULTS");
    if (folder && !realpath(folder, disk)) abort();
    if (copy && !realpath(copy, durable)) abort();
    if (file) {
        int handle = open(file, O_RDWR);
        void *page = mmap(NULL, sizeof none, PROT_READ | PROT_WRITE, MAP_SHARED, handle, 0);
        if (page == MAP_FAILED) abort();
        faults = page;
    }
}

/* The place of an open file below DISK: "" for the folder itself, NULL for any other. */
static const char *place(int handle, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t size = readlink(link, path, PATH_MAX - 1);
    if (size < 0) return NULL;
    path[size] = 0;
    size_t length = strlen(disk);
    if (!length || strncmp(path, disk, length)) return NULL;
    return path[length] == '/' ? path + length + 1 : path[length] ? NULL : path + length;
}

static void put(int handle, const char *from, size_t size) {
    while (size) {
        ssize_t done = syscall(SYS_write, handle, from, size);
        if (done <= 0) abort();
        from += done;
        size -= done;
    }
}

static void keep(const char *path, const char *name) {
    char draft[PATH_MAX + 16], target[2 * PATH_MAX], buffer[1 << 16];
    snprintf(draft, sizeof draft, "%s/.draft", durable);
    snprintf(target, sizeof target, "%s/%s", durable, *name ? name : ".names");
    int to = open(draft, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (to < 0) abort();
    if (*name) {
        int from = open(path, O_RDONLY);
        ssize_t size;
        while ((size = syscall(SYS_read, from, buffer, sizeof buffer)) > 0) put(to, buffer, size);
        syscall(SYS_close, from);
    } else {
        DIR *folder = opendir(path);
        for (struct dirent *each; (each = readdir(folder));) {
            put(to, each->d_name, strlen(each->d_name));
            put(to, "\n", 1);
        }
        closedir(folder);
    }
    syscall(SYS_close, to);
    if (rename(draft, target)) abort();
}

static int synced(int handle, long call) {
    char path[PATH_MAX];
    const char *name = place(handle, path);
    if (name) {
        __sync_fetch_and_add(&faults->syncs, 1);
        if (faults->sync) {
            errno = faults->sync;
            return -1;
        }
    }
    int result = syscall(call, handle);
    if (!result && name && *durable) keep(path, name);
    return result;
}

int fsync(int handle) { return synced(handle, SYS_fsync); }
int fdatasync(int handle) { return synced(handle, SYS_fdatasync); }

static int fails(int handle) {
    char path[PATH_MAX];
    if (!place(handle, path)) return 0;
    __sync_fetch_and_add(&faults->writes, 1);
    errno = faults->write;
    return faults->write != 0;
}

ssize_t write(int handle, const void *from, size_t size) {
    return fails(handle) ? -1 : syscall(SYS_write, handle, from, size);
}
ssize_t pwrite64(int handle, const void *from, size_t size, off64_t at) {
    return fails(handle) ? -1 : syscall(SYS_pwrite64, handle, from, size, at);
}
ssize_t pwrite(int handle, const void *from, size_t size, off_t at) { return pwrite64(handle, from, size, at); }
