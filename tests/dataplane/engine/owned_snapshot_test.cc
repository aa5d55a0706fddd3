// SPDX-License-Identifier: BSD-3-Clause
//
// A snapshot that an engine holds does not follow its file.
#include "dataplane/engine/owned_snapshot.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "rules/compile/compile.h"
#include "rules/policy/parse.h"
#include "rules/text/diagnostic.h"

namespace postern {
namespace {

class OwnedSnapshotTest : public testing::Test {
 protected:
  OwnedSnapshotTest() {
    std::string name = testing::TempDir() + "postern-owned-XXXXXX";
    directory_ = mkdtemp(name.data());
    path_ = directory_ + "/site.psnap";
    const auto policy = parse_policy(
        "service mx 198.51.100.25/32 port 25\nconnection to mx\n    drop any\n", "test.policy");
    write_snapshot(path_, compile(policy).bytes);
  }
  ~OwnedSnapshotTest() override { std::filesystem::remove_all(directory_); }

  std::string directory_, path_;
};

TEST_F(OwnedSnapshotTest, OutlivesAFileThatIsCutOff) {
  const auto mapped = Snapshot::open(path_);
  const auto owned = read_owned_snapshot(path_);
  EXPECT_EQ(owned->generation(), mapped->generation());
  EXPECT_EQ(owned->name(), path_);
  const auto generation = owned->generation();
  std::filesystem::resize_file(path_, 0);
  EXPECT_EQ(owned->generation(), generation);
  EXPECT_EQ(owned->verdict(0, 0).action, PS_ACTION_DROP);
  EXPECT_EQ(owned->policy().services.size(), 1u);
}

TEST_F(OwnedSnapshotTest, RefusesWhatIsNoSoundSnapshot) {
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 1);
  EXPECT_THROW(read_owned_snapshot(path_), BadInput);
  std::filesystem::resize_file(path_, 0);
  EXPECT_THROW(read_owned_snapshot(path_), BadInput);
  EXPECT_THROW(read_owned_snapshot(directory_), BadInput);
  EXPECT_THROW(read_owned_snapshot(directory_ + "/absent"), std::system_error);
  const auto fifo = directory_ + "/fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THROW(read_owned_snapshot(fifo), BadInput);  // and does not wait for a writer
}

}  // namespace
}  // namespace postern
