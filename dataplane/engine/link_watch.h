// SPDX-License-Identifier: BSD-3-Clause
//
// LinkWatch: a thread that looks at the carriers of a wire's ports ten times a second and takes
// ports down and up as LinkPropagation says. When it ends, ports that it had taken down are up
// again; after a kill they stay down.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/engine/kernel_interface.h"

namespace postern {

// One port of a wire, as far as its cable goes. Called from the watch's thread.
class LinkEnd {
 public:
  virtual ~LinkEnd() = default;
  virtual std::string name() const = 0;
  virtual bool has_carrier() = 0;
  // Brings the link up, or takes it down so that the far end sees no carrier. False: the driver
  // does not do that.
  virtual bool set_up(bool up) = 0;
};

// A kernel interface: its administrative state is its link's, with most drivers.
class KernelLinkEnd : public LinkEnd {
 public:
  explicit KernelLinkEnd(KernelInterface interface) : interface_(std::move(interface)) {}
  std::string name() const override { return interface_.name(); }
  bool has_carrier() override;
  bool set_up(bool up) override;

 private:
  KernelInterface interface_;
};

class LinkWatch {
 public:
  struct Cable {
    LinkEnd& wan;
    LinkEnd& mx;
  };
  // The ends outlive this, and are up now.
  explicit LinkWatch(std::vector<Cable> cables);
  ~LinkWatch();
  LinkWatch(const LinkWatch&) = delete;
  LinkWatch& operator=(const LinkWatch&) = delete;

 private:
  void run(const std::stop_token& stop, const std::vector<Cable>& cables);

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace postern
