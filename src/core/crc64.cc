// CRC-64/XZ: the sum of bytes, and of bytes put together.
#include <lzma.h>

#include <array>

#include "core/digest.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace core {
namespace {

constexpr std::uint64_t kPolynomial = 0xC96C5795D7870F42U;  // ECMA-182, the highest power last

/// The remainder of x to the power `n`, the highest power in the lowest bit.
constexpr std::uint64_t power_of_x(unsigned n) {
  std::uint64_t power = std::uint64_t{1} << 63U;
  for (; n > 0; --n) {
    power = (power >> 1U) ^ ((power & 1U) != 0 ? kPolynomial : 0);
  }
  return power;
}

std::uint64_t plain_crc64(const void* data, std::size_t size, std::uint64_t previous) {
  return lzma_crc64(static_cast<const std::uint8_t*>(data), size, previous);
}

#if defined(__x86_64__)

// liblzma takes 16 bytes a step, each waiting for the one before. Here several sums lie side by
// side, each moved on over a whole stride at a time. Source: Gopal and others, "Fast CRC
// Computation for Generic Polynomials Using PCLMULQDQ" (Intel).
constexpr std::size_t kStride = 64;
constexpr std::size_t kWideStride = 256;

/// What moves 128 bits on by `bits`: for the half that comes first, and for the other. One less
/// than one would think, because a product of reversed words comes out multiplied by x.
struct Move {
  std::uint64_t first;
  std::uint64_t second;
};
constexpr Move move_by(unsigned bits) { return {power_of_x(bits + 64 - 1), power_of_x(bits - 1)}; }

__attribute__((target("pclmul,sse4.1"))) __m128i as_vector(Move move) {
  return _mm_set_epi64x(static_cast<long long>(move.second), static_cast<long long>(move.first));
}

__attribute__((target("pclmul,sse4.1"))) __m128i moved(__m128i sum, __m128i by) {
  return _mm_xor_si128(_mm_clmulepi64_si128(sum, by, 0x00), _mm_clmulepi64_si128(sum, by, 0x11));
}

__attribute__((target("pclmul,sse4.1"))) __m128i loaded(const std::byte* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

/// Of whole strides, one at least.
__attribute__((target("pclmul,sse4.1"))) std::uint64_t folded_crc64(ByteView data,
                                                                    std::uint64_t previous) {
  const __m128i by_stride = as_vector(move_by(8 * kStride));
  const __m128i by_one = as_vector(move_by(128));
  const std::byte* at = data.data();
  __m128i a = _mm_xor_si128(loaded(at), _mm_set_epi64x(0, static_cast<long long>(~previous)));
  __m128i b = loaded(at + 16);
  __m128i c = loaded(at + 32);
  __m128i d = loaded(at + 48);
  for (at += kStride; at < data.data() + data.size(); at += kStride) {
    a = _mm_xor_si128(moved(a, by_stride), loaded(at));
    b = _mm_xor_si128(moved(b, by_stride), loaded(at + 16));
    c = _mm_xor_si128(moved(c, by_stride), loaded(at + 32));
    d = _mm_xor_si128(moved(d, by_stride), loaded(at + 48));
  }
  b = _mm_xor_si128(moved(a, by_one), b);
  c = _mm_xor_si128(moved(b, by_one), c);
  d = _mm_xor_si128(moved(c, by_one), d);
  std::array<std::byte, 16> rest{};
  _mm_storeu_si128(reinterpret_cast<__m128i*>(rest.data()), d);
  return plain_crc64(rest.data(), rest.size(), ~std::uint64_t{0});
}

__attribute__((target("avx512f,vpclmulqdq"))) __m512i moved_wide(__m512i sum, __m512i by,
                                                                 const std::byte* next) {
  constexpr int kXorOfAll = 0x96;
  return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(sum, by, 0x00),
                                   _mm512_clmulepi64_epi128(sum, by, 0x11),
                                   _mm512_loadu_si512(next), kXorOfAll);
}

/// The same, four times as wide. Of whole wide strides, one at least.
__attribute__((target("avx512f,vpclmulqdq"))) std::uint64_t wide_crc64(ByteView data,
                                                                       std::uint64_t previous) {
  constexpr Move kMove = move_by(8 * kWideStride);
  const auto first = static_cast<long long>(kMove.first);
  const auto second = static_cast<long long>(kMove.second);
  const __m512i by = _mm512_set4_epi64(second, first, second, first);
  const std::byte* at = data.data();
  __m512i a = _mm512_xor_si512(_mm512_loadu_si512(at),
                               _mm512_maskz_set1_epi64(1, static_cast<long long>(~previous)));
  __m512i b = _mm512_loadu_si512(at + 64);
  __m512i c = _mm512_loadu_si512(at + 128);
  __m512i d = _mm512_loadu_si512(at + 192);
  for (at += kWideStride; at < data.data() + data.size(); at += kWideStride) {
    a = moved_wide(a, by, at);
    b = moved_wide(b, by, at + 64);
    c = moved_wide(c, by, at + 128);
    d = moved_wide(d, by, at + 192);
  }
  std::array<std::byte, kWideStride> rest{};
  _mm512_storeu_si512(rest.data(), a);
  _mm512_storeu_si512(rest.data() + 64, b);
  _mm512_storeu_si512(rest.data() + 128, c);
  _mm512_storeu_si512(rest.data() + 192, d);
  return folded_crc64(rest, ~std::uint64_t{0});
}

/// Sums the head of `data` up with `sum`, and takes what it summed off `data`.
std::uint64_t sum_strides(ByteView& data, std::uint64_t sum) {
  static const bool can_fold = __builtin_cpu_supports("pclmul") != 0;
  static const bool can_fold_wide = can_fold && __builtin_cpu_supports("avx512f") != 0 &&
                                    __builtin_cpu_supports("vpclmulqdq") != 0;
  const std::size_t stride =
      can_fold_wide && data.size() >= 4 * kWideStride ? kWideStride : kStride;
  if (!can_fold || data.size() < 4 * kStride) {
    return sum;
  }
  const ByteView whole = data.first(data.size() / stride * stride);
  data = data.subspan(whole.size());
  return stride == kStride ? folded_crc64(whole, sum) : wide_crc64(whole, sum);
}

#else

std::uint64_t sum_strides(ByteView&, std::uint64_t sum) { return sum; }

#endif

/// "Advance a sum by some zero bits" as a linear map over GF(2): one column a bit.
using Shift = std::array<std::uint64_t, 64>;

std::uint64_t shifted(const Shift& shift, std::uint64_t vector) {
  std::uint64_t sum = 0;
  for (std::size_t bit = 0; vector != 0; ++bit, vector >>= 1U) {
    if ((vector & 1U) != 0) {
      sum ^= shift[bit];
    }
  }
  return sum;
}

Shift squared(const Shift& shift) {
  Shift result{};
  for (std::size_t bit = 0; bit < 64; ++bit) {
    result[bit] = shifted(shift, shift[bit]);
  }
  return result;
}

/// By 1, 2, 4, … bytes.
std::array<Shift, 64> make_shifts() {
  Shift shift{};
  shift[0] = kPolynomial;
  for (std::size_t bit = 1; bit < 64; ++bit) {
    shift[bit] = std::uint64_t{1} << (bit - 1);
  }
  shift = squared(squared(squared(shift)));  // one byte
  std::array<Shift, 64> shifts{};
  for (Shift& each : shifts) {
    each = shift;
    shift = squared(shift);
  }
  return shifts;
}

}  // namespace

std::uint64_t crc64(ByteView data, std::uint64_t previous) {
  previous = sum_strides(data, previous);
  return plain_crc64(data.data(), data.size(), previous);
}

// As zlib's crc32_combine: double the shift while walking the bits of the length.
std::uint64_t crc64_combine(std::uint64_t crc_a, std::uint64_t crc_b, std::uint64_t length_b) {
  static const std::array<Shift, 64> shifts = make_shifts();
  for (std::size_t n = 0; length_b != 0; ++n, length_b >>= 1U) {
    if ((length_b & 1U) != 0) {
      crc_a = shifted(shifts[n], crc_a);
    }
  }
  return crc_a ^ crc_b;
}

}  // namespace core
