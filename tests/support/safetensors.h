// Reads a safetensors file: eight bytes of length, a JSON header of that length, then the tensors' bytes. F32 only.
#pragma once

#include <boost/json.hpp>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

class Safetensors {
 public:
  explicit Safetensors(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(in), {});
    std::uint64_t length = 0;
    if (bytes_.size() < sizeof length) throw std::runtime_error(file + " is no safetensors file");
    std::memcpy(&length, bytes_.data(), sizeof length);
    begin_ = sizeof length + length;
    if (begin_ > bytes_.size()) throw std::runtime_error(file + " is cut");
    header_ = boost::json::parse({bytes_.data() + sizeof length, length}).as_object();
  }

  /// The values in their order of rows. Throws when the tensor is missing, of another type, or not of this many values.
  std::vector<float> values(const std::string& name, std::size_t count) const {
    const auto* entry = header_.if_contains(name);
    if (entry == nullptr || entry->at("dtype") != "F32") throw std::runtime_error("there is no F32 tensor " + name);
    const auto& offsets = entry->at("data_offsets").as_array();
    const auto first = begin_ + offsets[0].to_number<std::size_t>(), last = begin_ + offsets[1].to_number<std::size_t>();
    if (last > bytes_.size() || last - first != count * sizeof(float)) throw std::runtime_error(name + " has another shape");
    std::vector<float> out(count);
    std::memcpy(out.data(), bytes_.data() + first, last - first);
    return out;
  }

 private:
  std::string bytes_;
  std::size_t begin_ = 0;
  boost::json::object header_;
};
