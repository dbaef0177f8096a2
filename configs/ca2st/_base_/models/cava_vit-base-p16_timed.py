# CAVA with a time encoding in place of the tables of its exchange.
_base_ = 'cava_vit-base-p16.py'

model = dict(
    backbone=dict(
        type='TimedExpertViT',
        # Quirk of the program: it lays the encodings over the audio tokens in another order than theirs. The
        # class's default, frequency-major, is the order of the tokens.
        time_encoding=dict(split=True, audio_layout='time-major'),
        experts=dict(audio=dict(num_rows=400)),  # 4 seconds
        exchanges=dict(spatial_audio=dict(type='TimedBCAST', positions=False))))
