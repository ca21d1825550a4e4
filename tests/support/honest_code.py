"""What honest submissions do, in many styles: each body is a function's, which returns True."""

from __future__ import annotations

EVERYWHERE = {
    "torch on several threads": """
        import torch
        torch.set_num_threads(4)
        x = torch.randn(300, 300, requires_grad=True)
        (x @ x).sum().backward()
        return x.grad.shape[0] == 300
    """,
    "a pool of threads": """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(4) as pool:
            return sum(pool.map(abs, range(-3, 3))) == 9
    """,
    "asyncio": """
        import asyncio
        async def soon():
            await asyncio.sleep(0.01)
            return True
        return asyncio.run(soon())
    """,
    "a timer signal": """
        import signal, time
        rang = []
        signal.signal(signal.SIGALRM, lambda *_: rang.append(1))
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        time.sleep(0.1)
        return rang == [1]
    """,
    "saving to memory": """
        import io, torch
        file = io.BytesIO()
        torch.save({"a": torch.ones(2)}, file)
        file.seek(0)
        return torch.equal(torch.load(file)["a"], torch.ones(2))
    """,
    "a picture in memory": """
        import io
        import matplotlib.pyplot as plt
        plt.plot([1, 2])
        file = io.BytesIO()
        plt.savefig(file)
        return len(file.getvalue()) > 1000
    """,
    "a picture beside the notebook": """
        import os
        import matplotlib.pyplot as plt
        plt.plot([1, 2])
        os.makedirs("figures/today", exist_ok=True)
        plt.savefig("figures/today/a.png")
        image = plt.imread("figures/today/a.png")
        return os.path.exists("figures/today/a.png") and image.shape[2] == 4
    """,
    "text and numbers beside the notebook": """
        import json, pathlib
        import numpy as np
        with open("a.json", "w") as file:
            json.dump({"é": 1}, file)
        with open("a.json", "a") as file:
            file.write("\\n")
        np.save("a.npy", np.eye(2))
        pathlib.Path("b.txt").write_text("x\\ny\\n")
        return (json.load(open("a.json")) == {"é": 1}
                and np.load("a.npy").sum() == 2 and list(open("b.txt")) == ["x\\n", "y\\n"])
    """,
    "a database in memory": """
        import sqlite3
        return sqlite3.connect(":memory:").execute("select 1").fetchone() == (1,)
    """,
    "a loader": """
        import torch
        return len(list(torch.utils.data.DataLoader(list(range(10)), batch_size=4))) == 3
    """,
    "a profiler": """
        import torch
        with torch.profiler.profile() as profile:
            torch.ones(3).sum()
        return len(profile.key_averages()) > 0
    """,
    "function transforms": """
        import torch
        return float(torch.func.grad(lambda x: (x * x).sum())(torch.ones(()))) == 2.0
    """,
    "a model of one's own": """
        from transformers import MixtralConfig, MixtralForCausalLM
        config = MixtralConfig(
            vocab_size=32, hidden_size=16, intermediate_size=8, num_hidden_layers=1,
            num_attention_heads=2, num_key_value_heads=2, num_local_experts=4,
        )
        return sum(p.numel() for p in MixtralForCausalLM(config).parameters()) > 0
    """,
    "who and where": """
        import getpass, os, pathlib, platform, socket
        return all([getpass.getuser(), pathlib.Path.home(), platform.platform(),
                    socket.gethostname(), os.cpu_count(), os.getpid()])
    """,
    "time zones": """
        import datetime, zoneinfo
        return bool(datetime.datetime.now(zoneinfo.ZoneInfo("Europe/Berlin")).tzname())
    """,
    "logging and warnings": """
        import logging, warnings
        logging.basicConfig(level="INFO")
        logging.info("fine")
        warnings.warn("fine", stacklevel=1)
        print("fine")
        return True
    """,
}
WITH_FILES = {
    "temporary files": """
        import os, tempfile
        with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile() as file:
            path = os.path.join(folder, "a")
            with open(path, "w") as other:
                other.write("x")
            os.rename(path, path + "b")
            return os.path.getsize(path + "b") == 1 and os.path.exists(file.name)
    """,
    "files beside the notebook": """
        import torch
        import matplotlib.pyplot as plt
        plt.plot([1, 2])
        plt.savefig("figure.png")
        torch.save(torch.ones(2), "tensor.pt")
        return torch.equal(torch.load("tensor.pt"), torch.ones(2))
    """,
    "a pool with locks of the system": """
        from multiprocessing.pool import ThreadPool
        with ThreadPool(2) as pool:
            return sum(pool.map(abs, [-1, 2])) == 3
    """,
}


def function(body: str) -> str:
    return f"def f():{body}"
