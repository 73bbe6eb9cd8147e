// SPDX-License-Identifier: Apache-2.0
//
// ControlGroup: a new control group (version 2) of this host for one test. Throws Unavailable where
// the host has none, or not for this user.
#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

namespace redoubt::suite {

class ControlGroup {
 public:
  // With a controller, "memory" for one; empty for what every group has.
  explicit ControlGroup(const std::string& controller);
  // Kills what is in it and removes it.
  ~ControlGroup();
  ControlGroup(const ControlGroup&) = delete;
  ControlGroup& operator=(const ControlGroup&) = delete;

  // Takes a process in, with what it starts from now on; throws std::system_error.
  void take(pid_t process) const;
  // Writes to one of its files, such as memory.max; throws std::system_error.
  void set(const std::string& file, std::string_view value) const;
  // A figure of one of its flat-keyed files, such as oom_kill of memory.events; 0 if there is none.
  [[nodiscard]] uint64_t figure(const std::string& file, std::string_view key) const;
  // Waits until a figure has a value; false if it did not within a patience that is enough.
  [[nodiscard]] bool wait_for(const std::string& file, std::string_view key, uint64_t value) const;

 private:
  // Where an init system has not mounted them already.
  class Mount {
   public:
    Mount();
    ~Mount();
    Mount(const Mount&) = delete;
    Mount& operator=(const Mount&) = delete;

   private:
    bool ours_;
  };
  class Controller {
   public:
    explicit Controller(std::string name);
    ~Controller();
    Controller(const Controller&) = delete;
    Controller& operator=(const Controller&) = delete;

   private:
    std::string name_;
    bool ours_ = false;
  };

  const Mount mount_;
  const Controller controller_;
  const std::string path_;
};

}  // namespace redoubt::suite
