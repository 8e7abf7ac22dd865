"""A language model in this process: a Qwen3-VL checkpoint in the transformers format, decoded greedily."""

import asyncio
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from agents.language_models.interface import Message, ModelUnavailableError, PromptTooLongError, Reply
from agents.language_models.qwen_chat import Encoded, Patches, QwenChat
from workbench.data.conditions import Conditions
from workbench.foundations.cards import card
from workbench.foundations.devices import CPU, place, say


class EmbeddedQwen:
    """Any Qwen3-VL checkpoint folder or hub name, from safetensors. The features of a picture are computed once, and
    within a reply the attention cache is kept."""

    concurrency = 1

    def __init__(self, checkpoint: str | Path, *, device: str = CPU, revision: str = "") -> None:
        from transformers import Qwen3VLForConditionalGeneration

        from workbench.foundations.checkpoints import find
        from workbench.foundations.loading import load_model

        self.place = place(device)
        self.device = torch.device(self.place.device)
        found = find(checkpoint, revision)
        self.checkpoint, self.name, self.digest = checkpoint, found.name, found.digest
        say(f"language model {found.name}", device, self.place)
        model = load_model(Qwen3VLForConditionalGeneration, found.folder, self.place.dtype)
        self.chat = QwenChat(found.folder)
        self.model: Any = model.to(self.device).eval()
        self.context: int = model.config.text_config.max_position_embeddings
        self._stops = {self.chat.end, self.chat.tokenizer.eos_token_id}

    def identity(self) -> dict[str, Any]:
        """Checkpoint name and digest, with the commit of one from the hub; device and precision, unless float32 on a
        CPU. Decoding is greedy."""
        return {"kind": "embedded", "checkpoint": self.name, "digest": self.digest, **self.place.identity()}

    def conditions(self) -> Conditions:
        """What its checkpoint's card says, and where it runs."""
        about = card(self.checkpoint)
        return Conditions(
            device=str(self.place),
            training=about.get("training"),
            knows=about.get("knows"),
            benchmarks=about.get("benchmarks"),
            timed="every reply (in this process)",
        )

    async def complete(self, messages: Sequence[Message], max_tokens: int) -> Reply:
        """Greedy reply, ended by the end of the turn, `max_tokens` or the model's context."""
        cancelled = threading.Event()
        try:
            return await asyncio.to_thread(self._complete, messages, max_tokens, cancelled)
        finally:
            cancelled.set()

    def _complete(self, messages: Sequence[Message], max_tokens: int, cancelled: threading.Event) -> Reply:
        prompt = self.chat.encode(messages)
        room = self.context - len(prompt.ids)
        if room < 1:
            raise PromptTooLongError(f"the prompt has {len(prompt.ids)} tokens, the model's context {self.context}")
        try:
            with torch.inference_mode():
                out = self._decode(prompt, min(max_tokens, room), cancelled)
        except RuntimeError as error:
            raise ModelUnavailableError(f"{self.name}: {error}") from error
        finished = bool(out) and out[-1] in self._stops
        text = self.chat.text(out[:-1] if finished else out)
        return Reply(text, "stop" if finished else "length", len(prompt.ids), len(out))

    def _decode(self, prompt: Encoded, limit: int, cancelled: threading.Event) -> list[int]:
        from transformers import DynamicCache

        language, head = self.model.model.language_model, self.model.lm_head
        ids = torch.tensor([prompt.ids], device=self.device)
        positions = self.chat.positions(prompt)
        cache = DynamicCache(config=self.model.config.text_config)
        inputs = self._embed(prompt, ids)
        inputs["position_ids"] = positions[:, None].to(self.device)
        following = int(positions.max()) + 1
        out: list[int] = []
        while len(out) < limit and not cancelled.is_set():
            hidden = language(**inputs, past_key_values=cache, use_cache=True).last_hidden_state
            token = int(head(hidden[:, -1]).argmax())
            out.append(token)
            if token in self._stops:
                break
            inputs = {
                "inputs_embeds": language.embed_tokens(torch.tensor([[token]], device=self.device)),
                "position_ids": torch.full((3, 1, 1), following, device=self.device),
            }
            following += 1
        return out

    def _embed(self, prompt: Encoded, ids: Tensor) -> dict[str, Any]:
        """Token embeddings with the image features in their places, and the features for the deeper layers."""
        embeddings = self.model.model.language_model.embed_tokens(ids)
        if not prompt.pictures:
            return {"inputs_embeds": embeddings}
        features = [
            picture.once((self, "features"), partial(self._see, patches))
            for picture, patches in zip(prompt.pictures, prompt.patches, strict=True)
        ]
        places = ids == self.chat.image
        embeddings[places] = torch.cat([first for first, _ in features]).to(embeddings.dtype)
        deeper = [torch.cat(level) for level in zip(*(deep for _, deep in features), strict=True)]
        return {"inputs_embeds": embeddings, "visual_pos_masks": places, "deepstack_visual_embeds": deeper}

    def _see(self, patches: Patches) -> tuple[Tensor, list[Tensor]]:
        """Features of one image `[tokens, hidden]`, and those of each level that DeepStack adds to a later layer."""
        grid = torch.tensor([[1, patches.height, patches.width]], device=self.device)
        out = self.model.model.get_image_features(patches.pixels.to(self.device), grid, return_dict=True)
        return out.pooler_output[0], [level[0] for level in out.deepstack_features]
