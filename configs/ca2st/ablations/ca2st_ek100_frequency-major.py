# Time encoding: laid over the audio tokens in their own order. This is no axis of the program, but its quirk
# put right.
_base_ = '../ca2st_vit-base-p16_clip-videomae-ast_16xb6-u16x2-50e_ek100-rgb-audio.py'

model = dict(backbone=dict(time_encoding=dict(audio_layout='frequency-major')))
