"""A PJSIP phone without a sound card; runs on an interpreter of its own that has the PyPI package pjsua2-python.

Arguments: USER SIPPORT HOST:PORT FOLDER. It registers at HOST:PORT, answers every call with 180 and 200, says
FOLDER/say.wav, records what it hears as FOLDER/heard.wav, writes back to who writes to it, and prints a line for each
thing that happens, until SIGTERM.
"""

import os
import signal
import sys

import pjsua2 as pj

user, port, registrar, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
calls = []
friends = []
stopped = []


def say(*words):
    print(*words, flush=True)


class Call(pj.Call):
    player = recorder = None

    def onCallState(self, prm):
        info = self.getInfo()
        say("call", info.stateText, info.lastStatusCode)

    def onCallMediaState(self, prm):
        try:
            self.join_media()
        except Exception as error:  # PJSIP swallows what its callbacks raise
            say("media failed:", type(error).__name__, getattr(error, "reason", error))

    def join_media(self):
        info = self.getInfo()  # the media list lives inside it
        for index in range(len(info.media)):
            media = info.media[index]
            if media.type != pj.PJMEDIA_TYPE_AUDIO or media.status != pj.PJSUA_CALL_MEDIA_ACTIVE:
                continue
            audio = self.getAudioMedia(index)
            if self.player is None:
                self.player = pj.AudioMediaPlayer()
                self.player.createPlayer(f"{folder}/say.wav")
                self.recorder = pj.AudioMediaRecorder()
                self.recorder.createRecorder(f"{folder}/heard.wav")
            self.player.startTransmit(audio)
            audio.startTransmit(self.recorder)
            say("media active")


class Account(pj.Account):
    def onRegState(self, prm):
        say("registered", prm.code)

    def onIncomingCall(self, prm):
        call = Call(self, prm.callId)
        calls.append(call)
        for status in (180, 200):
            answer = pj.CallOpParam()
            answer.statusCode = status
            call.answer(answer)

    def onInstantMessage(self, prm):
        say("message", prm.msgBody)
        friend, config, answer = pj.Buddy(), pj.BuddyConfig(), pj.SendInstantMessageParam()
        config.uri, answer.content = prm.fromUri, f"heard: {prm.msgBody}"
        friend.create(self, config)
        friends.append(friend)
        friend.sendInstantMessage(answer)


def endpoint():
    made = pj.Endpoint()
    made.libCreate()
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 1
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.medConfig.noVad = True
    config.medConfig.clockRate = config.medConfig.sndClockRate = 8000
    made.libInit(config)
    transport = pj.TransportConfig()
    transport.port = port
    transport.boundAddress = transport.publicAddress = "127.0.0.1"
    made.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    made.libStart()
    made.audDevManager().setNullDev()
    for codec in made.codecEnum2():
        wanted = codec.codecId.startswith(("PCMU", "PCMA"))
        made.codecSetPriority(codec.codecId, 200 if wanted else 0)
    return made


def account():
    config = pj.AccountConfig()
    config.idUri = f"sip:{user}@{registrar}"
    config.regConfig.registrarUri = f"sip:{registrar}"
    config.sipConfig.proxies.append(f"sip:{registrar};lr")
    config.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    config.mediaConfig.transportConfig.port = port + 2
    config.natConfig.iceEnabled = False
    made = Account()
    made.create(config)
    return made


signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
ep = endpoint()
acc = account()
while not stopped:
    ep.libHandleEvents(20)
os._exit(0)  # PJSIP's own teardown crashes while Python still holds calls
