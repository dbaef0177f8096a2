# Positions of the exchanges with sound: the time encoding instead of tables, laid out as the program does it.
_base_ = '../ca2st_vit-base-p16_clip-videomae-ast_16xb6-16x4x2-50e_vggsound-rgb-audio.py'

timed = dict(type='TimedBCAST', positions=False)
model = dict(
    backbone=dict(
        type='TimedExpertViT',
        time_encoding=dict(audio_layout='time-major'),
        exchanges=dict(spatial_audio=timed, temporal_audio=timed)))
