// SPDX-License-Identifier: BSD-3-Clause
//
// GivenFiles: contents of files that only the parent may read (keys and their certificates,
// passwords), by name, as it gives them to its workers: at the start by fork, later in a memory
// file whose descriptor is passed. The parent does not look into them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "control/listen/descriptor.h"

namespace postern::process {

class GivenFiles {
 public:
  static constexpr size_t kMaxBytes = 32u << 20;  // of one file

  // What cannot be read is kept as its error.
  static GivenFiles read(const std::vector<std::string>& paths);
  // Throws BadInput naming the path, as read_file_text does, when it could not be read.
  const std::string& text(const std::string& path) const;
  // The same for a secret, which others must not be able to read (rules/text/private_text.h).
  const std::string& private_text(const std::string& path) const;
  // Takes what could be read anew; what could not stays as it was.
  void update(const GivenFiles& newer);

  // A memory file that holds all of it. Throws std::system_error.
  listen::Descriptor pack() const;
  // Throws std::runtime_error where the file is none of pack()'s.
  static GivenFiles unpack(int descriptor);

 private:
  struct File {
    std::string text;
    std::string error;  // empty: text is good
    uint32_t mode = 0;  // its permissions
  };
  std::map<std::string, File> files_;
};

}  // namespace postern::process
