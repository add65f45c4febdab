"""Noise: reproducible from its generator, each variation against its formula, statistics over many draws."""

import pytest
import torch
import torch.nn.functional as F

from kohya_like.objective.noise import NoiseSettings, channel_offset, gaussian, perturbed, pyramid, training_noise

pytestmark = pytest.mark.quick

SHAPE = (2, 4, 16, 24)
EVERYTHING = NoiseSettings(0.1, True, 0.05, 6, 0.3, 0.1, True)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def latents(*shape: int) -> torch.Tensor:
    return torch.randn(*(shape or SHAPE), generator=seeded(99))


def test_only_the_generator_decides() -> None:
    x = latents()
    first = training_noise(x, EVERYTHING, seeded(1))
    torch.manual_seed(123)  # the global generator has no say
    assert torch.equal(training_noise(x, EVERYTHING, seeded(1)), first)
    assert not torch.equal(training_noise(x, EVERYTHING, seeded(2)), first)


def test_the_generator_state_resumes() -> None:
    x, generator = latents(), seeded(5)
    training_noise(x, EVERYTHING, generator)
    state = generator.get_state()
    expected = training_noise(x, EVERYTHING, generator)
    again = torch.Generator()
    again.set_state(state)
    assert torch.equal(training_noise(x, EVERYTHING, again), expected)


def test_plain_noise_is_the_generators_gaussian() -> None:
    assert torch.equal(training_noise(latents(), NoiseSettings(), seeded()), torch.randn(SHAPE, generator=seeded()))


def test_offset_shifts_whole_channels() -> None:
    generator = seeded()
    plain = torch.randn(SHAPE, generator=generator)
    shift = 0.25 * torch.randn(2, 4, 1, 1, generator=generator)
    assert torch.equal(training_noise(latents(), NoiseSettings(offset=0.25), seeded()), plain + shift)


def test_offset_of_random_strength_lies_between_none_and_all() -> None:
    x = latents()
    full = channel_offset(x, NoiseSettings(offset=0.25), seeded())
    ratios = []
    for seed in range(50):
        generator = seeded(seed)
        drawn = channel_offset(x, NoiseSettings(offset=0.25, offset_random=True), generator)
        check = seeded(seed)
        height = 0.25 * torch.rand(1, generator=check)
        assert torch.equal(drawn, height * torch.randn(2, 4, 1, 1, generator=check))
        ratios.append(float(height) / 0.25)
    assert min(ratios) < 0.2 and max(ratios) > 0.8 and full.shape == (2, 4, 1, 1)


def test_adaptive_offset_follows_the_channel_means_and_never_turns_negative() -> None:
    x = torch.zeros(1, 2, 4, 4)
    x[:, 0] = -3.0  # mean 3 in absolute value
    n = torch.randn(1, 2, 1, 1, generator=seeded())
    more = channel_offset(x, NoiseSettings(offset=0.1, offset_adaptive=0.5), seeded())
    assert (more / n).flatten().tolist() == pytest.approx([0.1 + 0.5 * 3, 0.1])
    less = channel_offset(x, NoiseSettings(offset=0.1, offset_adaptive=-0.5), seeded())
    assert (less / n).flatten().tolist() == pytest.approx([0.0, 0.1])


def test_pyramid_is_the_sum_of_enlarged_levels() -> None:
    generator = seeded()
    ratios = 2 + 2 * torch.rand(3, generator=generator)
    expected = torch.zeros(SHAPE, dtype=torch.float64)
    for i in range(3):
        h, w = int(16 / ratios[i].item() ** i), int(24 / ratios[i].item() ** i)
        level = torch.randn(2, 4, max(1, h), max(1, w), generator=generator).double()
        expected += 0.4**i * F.interpolate(level, size=(16, 24), mode="bilinear")
        if h <= 1 or w <= 1:
            break
    torch.testing.assert_close(pyramid(SHAPE, 3, 0.4, seeded()).double(), expected, rtol=1e-5, atol=1e-6)


def test_pyramid_stops_at_one_pixel() -> None:
    generator, short = seeded(), seeded()
    pyramid((1, 1, 2, 2), 100, 0.5, generator)
    torch.rand(100, generator=short)
    torch.randn(1, 1, 2, 2, generator=short)  # level 0
    torch.randn(1, 1, 1, 1, generator=short)  # level 1 is one pixel, and the last
    assert torch.equal(generator.get_state(), short.get_state())


def test_pyramid_noise_has_unit_deviation_and_more_low_frequencies() -> None:
    x = torch.zeros(8, 4, 32, 32)
    plain = training_noise(x, NoiseSettings(), seeded())
    layered = training_noise(x, NoiseSettings(pyramid_levels=8, pyramid_discount=0.8), seeded())
    assert layered.std().item() == pytest.approx(1.0, abs=1e-4)
    coarse = [F.avg_pool2d(noise, 8).var().item() for noise in (plain, layered)]
    assert coarse[1] > 10 * coarse[0]


def test_offset_comes_before_the_pyramid() -> None:
    x = latents()
    generator = seeded()
    noise = torch.randn(SHAPE, generator=generator)
    noise = noise + channel_offset(x, NoiseSettings(offset=0.3), generator)
    noise = noise + pyramid(SHAPE, 4, 0.3, generator)
    both = training_noise(x, NoiseSettings(offset=0.3, pyramid_levels=4), seeded())
    assert torch.equal(both, noise / noise.std())


def test_perturbation_adds_a_part_of_fresh_noise() -> None:
    noise = torch.randn(SHAPE, generator=seeded(7))
    assert perturbed(noise, NoiseSettings(), seeded()) is noise
    extra = torch.randn(SHAPE, generator=seeded())
    assert torch.equal(perturbed(noise, NoiseSettings(perturbation=0.1), seeded()), noise + 0.1 * extra)
    generator = seeded()
    gamma = 0.1 * torch.rand(1, generator=generator)
    expected = noise + gamma * torch.randn(SHAPE, generator=generator)
    drawn = perturbed(noise, NoiseSettings(perturbation=0.1, perturbation_random=True), seeded())
    assert torch.equal(drawn, expected)


def test_gaussian_is_float32_whatever_the_default_type() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        assert gaussian((2,), seeded()).dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)
