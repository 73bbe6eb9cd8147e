/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PID 1 of the test guest: mounts what programs need, says that userspace is reached, does what
 * redoubt.mode=NAME[=ARGUMENT] on the kernel command line asks for (guest/README.md lists the
 * modes) and powers off.
 */
#include "guest.h"

#include <linux/sysinfo.h>

static const char kBusybox[] = "/bin/busybox";

/* Without a console the kernel opens nothing for init. */
static void open_standard_files(void) {
  int fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO) fd = open("/dev/null", O_RDWR);
  if (fd >= 0) close(fd);
}

/* Finds "redoubt.mode=VALUE" among the words of the command line. */
static void read_mode(char* mode, size_t size) {
  static const char key[] = "redoubt.mode=";
  char line[4096];
  read_file("/proc/cmdline", line, sizeof(line));
  strlcpy(mode, "secret", size);
  char* word = line;
  while (*word != '\0') {
    char* end = word;
    while (*end != '\0' && *end != ' ' && *end != '\n') ++end;
    char* next = *end == '\0' ? end : end + 1;
    *end = '\0';
    if (strncmp(word, key, sizeof(key) - 1) == 0) strlcpy(mode, word + sizeof(key) - 1, size);
    word = next;
  }
}

/* Counts a CPU list such as "0-3,5". */
static unsigned online_cpus(void) {
  char list[256];
  read_file("/sys/devices/system/cpu/online", list, sizeof(list));
  unsigned count = 0;
  char* at = list;
  while (*at >= '0' && *at <= '9') {
    long first = strtol(at, &at, 10);
    long last = *at == '-' ? strtol(at + 1, &at, 10) : first;
    count += (unsigned)(last - first + 1);
    if (*at == ',') ++at;
  }
  return count;
}

static unsigned long memory_mib(void) {
  struct sysinfo info;
  memset(&info, 0, sizeof(info));
  if (syscall(__NR_sysinfo, &info) < 0) return 0;
  return info.totalram * info.mem_unit >> 20;
}

/* Runs a program to its end; its exit status, or 127 when it did not end by itself. */
static int run(char* const argv[]) {
  static char* const environment[] = {"HOME=/root", "PATH=/bin:/sbin:/usr/bin:/usr/sbin",
                                      "TERM=vt220", NULL};
  pid_t child = fork();
  if (child == 0) {
    execve(argv[0], argv, environment);
    _exit(fail(argv[0]));
  }
  int status = 0;
  if (child < 0) return fail("fork");
  /* PID 1 inherits every orphan: only the program itself ends the wait. */
  for (;;) {
    pid_t ended = waitpid(-1, &status, 0);
    if (ended == child) break;
    if (ended < 0 && errno != EINTR) return fail("waitpid");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

static void shell(void) {
  say("redoubt-guest: a shell of busybox follows; 'exit' powers the guest off");
  /* cttyhack gives the shell the real console as its terminal, so that Ctrl-C and jobs work. */
  char* const argv[] = {(char*)kBusybox, "sh", "-c",
                        "busybox --install -s /bin; exec setsid cttyhack sh -l", NULL};
  run(argv);
}

static void end(int how) {
  syscall(__NR_sync);
  reboot(how);
  fail("reboot");
}

int main(void) {
  mount("dev", "/dev", "devtmpfs", 0, NULL);
  open_standard_files();
  mount("proc", "/proc", "proc", 0, NULL);
  mount("sys", "/sys", "sysfs", 0, NULL);

  char mode[256];
  read_mode(mode, sizeof(mode));
  char* argument = strchr(mode, '=');
  if (argument != NULL) *argument++ = '\0';
  say("redoubt-guest: userspace reached");
  say("redoubt-guest: cpus %u memory %lu MiB mode %s", online_cpus(), memory_mib(), mode);

  if (strcmp(mode, "off") == 0) {
    end(LINUX_REBOOT_CMD_POWER_OFF);
  } else if (strcmp(mode, "reset") == 0) {
    end(LINUX_REBOOT_CMD_RESTART);
  } else if (strcmp(mode, "panic") == 0) {
    return 1; /* the kernel panics when PID 1 exits */
  } else if (strcmp(mode, "shell") == 0) {
    shell();
  } else if (strcmp(mode, "secret") == 0 || strcmp(mode, "loop") == 0 ||
             strcmp(mode, "flood") == 0 || strcmp(mode, "eat") == 0) {
    char program[32] = "/bin/";
    strlcat(program, mode, sizeof(program));
    char* const argv[] = {program, argument, NULL};
    int status = run(argv);
    say("redoubt-guest: %s ended with status %d", mode, status);
  } else {
    say("redoubt-guest: unknown redoubt.mode '%s'", mode);
  }
  end(LINUX_REBOOT_CMD_POWER_OFF);
  return 1;
}
