"""Spikes with their waveforms in formats of neo, written byte by byte as their makers lay them out (NIX by neo)."""

import struct
from pathlib import Path

import neo
import neo.io
import numpy as np
import quantities as pq

from homeoanalysis.provenance import rng_for

RATE, SAMPLES = 30000, 32  # neo takes 30 kHz for every file of Blackrock
WIDTHS = {1: 0.25e-3, 2: 0.6e-3}  # of the units on one channel; 0 is what the sorter left
SPIKES = {0: 40, 1: 2500, 2: 60}  # one more than are averaged, one less
TICKS = {u: np.unique(rng_for(3, "waveforms", u).integers(1000, 60 * RATE, n)) for u, n in SPIKES.items()}
IN_ORDER = sorted((int(t), u, k) for u, ticks in TICKS.items() for k, t in enumerate(ticks))


def waves(unit: int) -> np.ndarray:
    """(spike, sample) of whole numbers: a trough 0.25 ms after the first sample, a peak so long after it, noise."""
    t = np.arange(SAMPLES) / RATE
    shape = -np.exp(-(((t - 0.25e-3) / 6e-5) ** 2)) + 0.4 * np.exp(-(((t - 0.25e-3 - WIDTHS.get(unit, 0.4e-3)) / 9e-5) ** 2))
    return np.rint(1000 * shape + rng_for(4, "noise", unit).normal(0, 20, (TICKS[unit].size, SAMPLES))).astype("<i2")


WAVES = {u: waves(u) for u in SPIKES}


def blackrock(folder: Path) -> Path:
    """NEV 2.3: a header of 336 bytes, extended ones of 32, packets of 8 bytes and a waveform."""
    size = 8 + 2 * SAMPLES
    extended = struct.pack("<8sHBBHHhhBBH8x", b"NEUEVWAV", 7, 1, 1, 250, 0, 0, 0, 2, 2, SAMPLES)
    extended += struct.pack("<8sH16s6x", b"NEUEVLBL", 7, b"elec7")
    when = (2020, 1, 3, 1, 12, 0, 0, 0)
    head = struct.pack("<8sBBHIIII8H32s256sI", b"NEURALEV", 2, 3, 1, 336 + 64, size, RATE, RATE, *when, b"", b"", 2)
    body = b"".join(struct.pack("<IHBB", t, 7, u, 0) + WAVES[u][k].tobytes() for t, u, k in IN_ORDER)
    path = folder / "a.nev"
    path.write_bytes(head + extended + body)
    return path


def neuralynx(folder: Path) -> Path:
    """NTT: a text header of 16 kB, records of 304 bytes with 32 samples of four channels, of which the third has the spike."""
    text = (
        "######## Neuralynx Data File Header\r\n## File Name C:\\TT1.ntt\r\n"
        "## Time Opened (m/d/y): 1/1/2000  (h:m:s.ms) 18:28:39.8\r\n"
        "## Time Closed (m/d/y): 1/1/2000  (h:m:s.ms) 19:58:41.3\r\n-CheetahRev 5.6.3\r\n-AcqEntName TT1\r\n-FileType Spike\r\n"
        f"-RecordSize 304\r\n-NumADChannels 4\r\n-ADChannel 0 1 2 3\r\n-SamplingFrequency {RATE}\r\n-InputInverted False\r\n"
        "-ADBitVolts 1e-7 1e-7 1e-7 1e-7\r\n-ADMaxValue 32767\r\n-InputRange 3276 3276 3276 3276\r\n-WaveformLength 32\r\n"
    )
    body = b""
    for t, u, k in IN_ORDER:
        samples = np.zeros((SAMPLES, 4), "<i2")
        samples[:, 2] = WAVES[u][k]
        body += struct.pack("<QII8i", round(t * 1e6 / RATE), 0, u, *[0] * 8) + samples.tobytes()
    path = folder / "TT1.ntt"
    path.write_bytes(text.encode("latin-1").ljust(2**14, b"\0") + body)
    return path


def plexon(folder: Path) -> Path:
    """PLX, version 107, of one channel."""
    from neo.rawio import plexonrawio as layout

    head = np.zeros(1, layout.GlobalHeader)
    known = {"MagicNumber": 0x58454C50, "Version": 107, "ADFrequency": RATE, "WaveformFreq": RATE, "NumDSPChannels": 1}
    known |= {"NumPointsWave": SAMPLES, "Year": 2020, "Month": 1, "Day": 1, "BitsPerSpikeSample": 12}
    known |= {"SpikeMaxMagnitudeMV": 3000, "SpikePreAmpGain": 1000, "Trodalness": 1, "DataTrodalness": 1}
    for key, value in known.items():
        head[key] = value
    channel = np.zeros(1, layout.DspChannelHeader)
    channel["Name"], channel["Channel"], channel["Gain"], channel["NUnits"] = b"sig001", 1, 32, 2
    body = b"".join(struct.pack("<HHIHHHH", 1, 0, t, 1, u, 1, SAMPLES) + WAVES[u][k].tobytes() for t, u, k in IN_ORDER)
    path = folder / "a.plx"
    path.write_bytes(head.tobytes() + channel.tobytes() + body)
    return path


def neuroexplorer(folder: Path) -> Path:
    """NEX: a neuron is a variable of type 0, its waveforms are one of type 3 with the same times."""
    from neo.rawio import neuroexplorerrawio as layout

    entities = np.zeros(2 * len(SPIKES), layout.EntityHeader)  # 208 bytes each
    at = 544 + entities.nbytes
    body = b""
    for row, u in enumerate(SPIKES):
        times = TICKS[u].astype("<i4").tobytes()
        for k, (kind, name, content) in enumerate([(0, f"s#{u}", times), (3, f"s#{u}_wf", times + WAVES[u].tobytes())]):
            one = entities[2 * row + k : 2 * row + k + 1]
            one["type"], one["varVersion"], one["name"], one["offset"] = kind, 102, name, at + len(body)
            one["n"], one["WFrequency"], one["ADtoMV"], one["NPointsWave"] = TICKS[u].size, RATE * (kind == 3), 1e-4, SAMPLES
            body += content
    head = np.zeros(1, layout.GlobalHeader)
    head["signature"], head["version"], head["freq"] = b"NEX1", 106, RATE
    head["tend"], head["nvar"] = 60 * RATE, entities.size
    path = folder / "a.nex"
    path.write_bytes(head.tobytes().ljust(544, b"\0") + entities.tobytes() + body)
    return path


def nix(folder: Path) -> Path:
    segment = neo.Segment()
    for u in SPIKES:
        train = neo.SpikeTrain(
            TICKS[u] / RATE,
            units="s",
            t_stop=60.0,
            name=f"s#{u}",
            waveforms=WAVES[u][:, None] * pq.uV,
            sampling_rate=RATE * pq.Hz,
        )
        segment.spiketrains.append(train)
    block = neo.Block()
    block.segments.append(segment)
    writer = neo.io.NixIO(str(folder / "a.nix"), mode="ow")
    writer.write_block(block)
    writer.close()
    return folder / "a.nix"
