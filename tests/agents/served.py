"""The agent behind an endpoint as a plugin, with a segmenter that finds nothing."""

from agents.language_models.openai_endpoint import OpenAiEndpoint
from agents.options import Options
from agents.systems import Sam3Agent
from tests.agents.scripted import MARKERS, ScriptedSegmenter


def agent(endpoint: str = "", model: str = "m") -> Sam3Agent:
    """The agent, whose model is asked once."""
    options = Options(time_limit=20.0, request_timeout=10.0, retries=0, max_mistakes=1)
    return Sam3Agent(ScriptedSegmenter({}), OpenAiEndpoint(endpoint, model), MARKERS, options)
