#include "metadata/file_system.h"

#include <array>

namespace stoker::metadata {

namespace {

struct Magic {
  std::uint32_t number;
  std::string_view name;
};

// linux/magic.h and the projects' own headers. FUSE is not here: most of its file systems are local.
constexpr std::array kNetworkFileSystems = {
    Magic{0x00006969, "NFS"},   Magic{0xFF534D42, "CIFS"},   Magic{0xFE534D42, "SMB"},
    Magic{0x0000517B, "SMB"},   Magic{0x00C36400, "CephFS"}, Magic{0x0BD00BD0, "Lustre"},
    Magic{0x5346414F, "AFS"},   Magic{0x6B414653, "AFS"},    Magic{0x01021997, "9P"},
    Magic{0x47504653, "GPFS"},  Magic{0x19830326, "BeeGFS"}, Magic{0x20030528, "OrangeFS"},
    Magic{0x7461636F, "OCFS2"}, Magic{0x01161970, "GFS2"},   Magic{0x73757245, "Coda"},
    Magic{0x0000564C, "NCP"},
};

}  // namespace

std::optional<std::string_view> network_file_system(std::uint64_t magic) {
  // f_type is a signed word on some machines: only 32 bits mean anything.
  const auto low = static_cast<std::uint32_t>(magic);
  for (const auto& known : kNetworkFileSystems) {
    if (known.number == low) return known.name;
  }
  return std::nullopt;
}

}  // namespace stoker::metadata
