// SPDX-License-Identifier: Apache-2.0
//
// FakeVirtiofsd: this test program under the name of virtiofsd, first in $PATH while the object
// lives. Started by that name it speaks vhost-user as virtiofsd does and serves nothing, or does
// what virtiofsd should not.
#pragma once

#include <filesystem>
#include <string>

namespace redoubt {

class FakeVirtiofsd {
 public:
  // `conduct`, words with a blank between them:
  //   exit           says "no luck today" and exits with 9
  //   old            does not know --readonly
  //   no-namespaces  cannot do --sandbox=namespace
  //   die-at=N       exits with 5 when the request N comes
  //   mute-at=N      does not answer it, nor anything after it
  //   refuse=N       acknowledges it as failed
  explicit FakeVirtiofsd(const std::string& conduct = "");
  ~FakeVirtiofsd();
  FakeVirtiofsd(const FakeVirtiofsd&) = delete;
  FakeVirtiofsd& operator=(const FakeVirtiofsd&) = delete;

 private:
  std::filesystem::path directory_;
  std::string path_before_;
};

}  // namespace redoubt
