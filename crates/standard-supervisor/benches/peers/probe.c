/* The program that every tool has to run, and the launcher that starts the tool.
 *
 * In C and linked statically: its own start must cost next to nothing, or it would hide what the
 * tools cost. Each event is one line, "WORD PID NANOSECONDS" by CLOCK_MONOTONIC, written whole to
 * the fifo DIRECTORY/report. A fifo of its own rather than stdout: tools write there too, and some
 * hold lines back. A program reads the clock before it opens the fifo, so that opening it is never
 * part of a measurement.
 *
 *   probe launch DIRECTORY TOOL [ARG...]   "exec", then becomes the tool
 *   probe stay   DIRECTORY                 "first", then waits for a signal
 *   probe crash  DIRECTORY MILLISECONDS    "first", and that much later "dying" and SIGKILL
 *   probe flood  DIRECTORY BYTES AT_ONCE   "first", waits for a byte from the fifo DIRECTORY/go,
 *                                          writes BYTES, so many at once, waits for a signal
 *   probe lone   DIRECTORY LINES           "first", waits for a byte likewise, writes LINES lines, a
 *                                          few milliseconds apart: "@NANOSECONDS" before its write
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 100, MOST = 64 * 1024, PERIOD = 25 };

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int open_fifo(const char *directory, const char *name, int flags) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0) {
        perror(path);
        _exit(125);
    }
    return fd;
}

static void report(int fd, const char *word, long long at) {
    char line[80];
    int length = snprintf(line, sizeof line, "%s %d %lld\n", word, (int)getpid(), at);
    if (write(fd, line, length) != length)
        _exit(125);
}

static int launch(const char *directory, char **tool) {
    /* If the bench is killed, the tool stops what it runs and goes as well. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int fd = open_fifo(directory, "report", O_WRONLY);
    report(fd, "exec", now());
    execv(tool[0], tool);
    perror(tool[0]);
    return 127;
}

static void wait_for_a_signal(void) {
    for (;;)
        pause();
}

static void crash_after(int fd, long milliseconds) {
    struct timespec uptime = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&uptime, &uptime) != 0) {
    }
    report(fd, "dying", now());
    kill(getpid(), SIGKILL);
}

static void wait_for_go(const char *directory) {
    char byte;
    if (read(open_fifo(directory, "go", O_RDONLY), &byte, 1) != 1)
        _exit(125);
}

/* 3 to 7 ms apart, so that no timer of the tool falls into step. */
static void lone_lines(const char *directory, long lines) {
    wait_for_go(directory);
    while (lines-- > 0) {
        struct timespec pause = {0, 3000000 + lines * 7919 % 4000 * 1000};
        while (nanosleep(&pause, &pause) != 0) {
        }
        char line[40];
        int length = snprintf(line, sizeof line, "@%lld\n", now());
        if (write(STDOUT_FILENO, line, length) != length)
            _exit(125);
    }
}

/* Lines of 100 bytes, at most 64 KiB at once: 25 times that is a whole number of lines, and goes
 * round. */
static void flood(const char *directory, long long bytes, size_t at_once) {
    static char lines[PERIOD * MOST];
    memset(lines, 'x', sizeof lines);
    for (size_t end = LINE; end <= sizeof lines; end += LINE)
        lines[end - 1] = '\n';

    wait_for_go(directory);
    size_t at = 0;
    while (bytes > 0) {
        size_t chunk = at_once - at % at_once;
        if ((long long)chunk > bytes)
            chunk = bytes;
        ssize_t written = write(STDOUT_FILENO, lines + at, chunk);
        if (written < 0)
            _exit(125);
        bytes -= written;
        at = (at + written) % sizeof lines;
    }
}

int main(int argc, char **argv) {
    long long first = now();
    if (argc < 3)
        return 125;
    const char *role = argv[1], *directory = argv[2];
    if (strcmp(role, "launch") == 0 && argc > 3)
        return launch(directory, argv + 3);

    int fd = open_fifo(directory, "report", O_WRONLY);
    report(fd, "first", first);
    if (strcmp(role, "crash") == 0 && argc > 3)
        crash_after(fd, atol(argv[3]));
    if (strcmp(role, "flood") == 0 && argc > 4)
        flood(directory, atoll(argv[3]), atol(argv[4]));
    if (strcmp(role, "lone") == 0 && argc > 3)
        lone_lines(directory, atol(argv[3]));
    wait_for_a_signal();
}
